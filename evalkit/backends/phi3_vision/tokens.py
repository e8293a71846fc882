"""A conversation as token ids: the checkpoint's chat layout, with -n standing wherever picture n is seen.

The reference splits its prompt at the pictures and encodes each stretch on its own, so every stretch opens with the
first token <s>. Here the turns' marks are never text: what a question says is always encoded as the characters it is,
so it can neither end its turn nor call for a picture.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evalkit.errors import ModelError

BEGIN, END, PAD = "<s>", "<|end|>", "<|endoftext|>"
MARKS = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
# What a finished reply may end with. The checkpoint's generation_config.json names </s> alone, which it never says.
ENDS = (END, PAD, "<|assistant|>")


class Mark(NamedTuple):
    """A control token by its text."""

    text: str


class Shown(NamedTuple):
    """The place of picture `number`, counted from 1."""

    number: int


Piece = str | Mark | Shown


class Tokenizer:
    """The checkpoint's tokenizer.json, used as it is: classes around it rebuild it and differ between versions."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Compiled

        self._compiled = Compiled.from_str(_checked(path))
        # Control tokens inside text are characters; those of the layout are looked up by `id`.
        self._compiled.encode_special_tokens = True
        self._absorbing = {
            token.content for token in self._compiled.get_added_tokens_decoder().values() if token.rstrip
        }
        for mark in (BEGIN, END, *MARKS.values(), *ENDS):
            if self._compiled.token_to_id(mark) is None:
                raise ModelError(f"{path}: there is no token {mark}, so it is no Phi-3.5-vision tokenizer; check it")

    def id(self, mark: str) -> int:
        """The id of a token by its text; it must exist."""
        found = self._compiled.token_to_id(mark)
        if found is None:
            raise KeyError(mark)
        return found

    def ends(self, eos: int | Sequence[int] | None) -> frozenset[int]:
        """The ids a reply ends at: `eos` of the checkpoint's config, and those that its chat layout implies."""
        configured = [] if eos is None else [eos] if isinstance(eos, int) else list(eos)
        return frozenset((*configured, *(self.id(mark) for mark in ENDS)))

    def encode(self, laid: Iterable[Piece], lengths: Sequence[int]) -> list[int]:
        """The ids of a prompt; picture n takes `lengths[n - 1]` times the id -n."""
        ids = [self.id(BEGIN)]
        absorbing = False
        for piece in laid:
            if isinstance(piece, Shown):
                ids += [-piece.number] * lengths[piece.number - 1] + [self.id(BEGIN)]
            elif isinstance(piece, Mark):
                ids.append(self.id(piece.text))
            else:
                # A token with `rstrip` swallows the space behind it.
                text = piece.lstrip() if absorbing else piece
                ids += self._compiled.encode(text, add_special_tokens=False).ids if text else []
            absorbing = isinstance(piece, Mark) and piece.text in self._absorbing
        return ids

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        """The text of ids, without control tokens unless asked for."""
        return self._compiled.decode(list(ids), skip_special_tokens=skip_special_tokens)


def _checked(path: Path) -> str:
    """The file's text. What tokenizers raises on a broken file has no class of its own, so it is looked at first."""
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not readable JSON ({type(error).__name__}); download it again") from error
    if not isinstance(found, dict) or not {"model", "added_tokens"} <= found.keys():
        raise ModelError(f"{path}: no tokenizer, for it has no model or no added_tokens; download it again")
    return text


def pieces(turns: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """The chat layout of a `Conversation`'s turns, up to where the reply begins.

    Pictures are numbered from 1 over the whole conversation, also where one is shown again.
    """
    laid: list[Piece] = []
    number = 0
    for turn in turns:
        laid += [Mark(MARKS[turn["role"]]), "\n"]
        leading = True
        for part, following in zip(turn["content"], [*turn["content"][1:], {}], strict=True):
            leading = leading and part["type"] == "image"
            if part["type"] == "text":
                laid.append(part["text"])
                continue
            number += 1
            laid.append(Shown(number))
            # Pictures in front of the text stand on lines of their own; those inside it stand where it has them.
            if leading and not following.get("text", "").startswith("\n"):
                laid.append("\n")
        laid += [Mark(END), "\n"]
    return list(_joined([*laid, Mark(MARKS["assistant"]), "\n"]))


def _joined(laid: Iterable[Piece]) -> Iterable[Piece]:
    """Neighbouring texts as one: the tokenizer must see a stretch as a whole."""
    text = ""
    for piece in laid:
        if isinstance(piece, str):
            text += piece
            continue
        if text:
            yield text
        text = ""
        yield piece
    if text:
        yield text
