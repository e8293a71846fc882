"""A conversation as token ids: the checkpoint's chat layout, with -n at every position of image n.

The reference splits its prompt at the images and encodes each part by itself, so every part begins with the token <s>.
Here control tokens are never text: the text of a question is always encoded as the characters it is, so it can neither
end its turn nor stand for an image.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evalkit.errors import ModelError

BEGIN, END, PAD = "<s>", "<|end|>", "<|endoftext|>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
# Tokens that end a reply. The checkpoint's generation_config.json names only </s>, which the model never generates.
ENDS = (END, PAD, "<|assistant|>")


class ControlToken(NamedTuple):
    """A control token of the chat layout by its text."""

    text: str


class ImagePlaceholder(NamedTuple):
    """The position of image `number`, counted from 1, in the chat layout."""

    number: int


PromptPart = str | ControlToken | ImagePlaceholder


class Phi3Tokenizer:
    """The checkpoint's tokenizer.json, used as it is: classes around it rebuild it and differ between versions."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(_valid_text(path))
        # Control tokens inside text are characters; those of the layout are looked up by `id`.
        self._tokenizer.encode_special_tokens = True
        self._strip_right = {
            token.content for token in self._tokenizer.get_added_tokens_decoder().values() if token.rstrip
        }
        for token in (BEGIN, END, *ROLES.values(), *ENDS):
            if self._tokenizer.token_to_id(token) is None:
                raise ModelError(f"{path}: there is no token {token}, so it is no Phi-3.5-vision tokenizer; check it")

    def id(self, token: str) -> int:
        """The id of a token by its text. Raises KeyError for an unknown one."""
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise KeyError(token)
        return number

    def ends(self, eos: int | Sequence[int] | None) -> frozenset[int]:
        """The ids that end a reply: `eos` of the checkpoint's config, and those of the chat layout."""
        configured = [] if eos is None else [eos] if isinstance(eos, int) else list(eos)
        return frozenset((*configured, *(self.id(token) for token in ENDS)))

    def encode(self, parts: Iterable[PromptPart], lengths: Sequence[int]) -> list[int]:
        """The ids of a prompt; image n takes `lengths[n - 1]` times the id -n."""
        ids = [self.id(BEGIN)]
        strip = False
        for part in parts:
            if isinstance(part, ImagePlaceholder):
                ids += [-part.number] * lengths[part.number - 1] + [self.id(BEGIN)]
            elif isinstance(part, ControlToken):
                ids.append(self.id(part.text))
            else:
                # A token with `rstrip` removes the white space behind it.
                text = part.lstrip() if strip else part
                ids += self._tokenizer.encode(text, add_special_tokens=False).ids if text else []
            strip = isinstance(part, ControlToken) and part.text in self._strip_right
        return ids

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        """The text of ids, without control tokens unless `skip_special_tokens` is false."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens)


def _valid_text(path: Path) -> str:
    """The text of tokenizer.json, checked here: the library's errors on a broken file have no class of their own."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not readable JSON ({type(error).__name__}); download it again") from error
    if not isinstance(content, dict) or not {"model", "added_tokens"} <= content.keys():
        raise ModelError(f"{path}: no tokenizer, for it has no model or no added_tokens; download it again")
    return text


def chat_layout(turns: Sequence[Mapping[str, Any]]) -> list[PromptPart]:
    """The chat layout of a `Conversation`'s turns, up to where the reply begins.

    Images are numbered from 1 over the whole conversation; one that occurs twice has two numbers.
    """
    parts: list[PromptPart] = []
    number = 0
    for turn in turns:
        parts += [ControlToken(ROLES[turn["role"]]), "\n"]
        leading = True
        for part, following in zip(turn["content"], [*turn["content"][1:], {}], strict=True):
            leading = leading and part["type"] == "image"
            if part["type"] == "text":
                parts.append(part["text"])
                continue
            number += 1
            parts.append(ImagePlaceholder(number))
            # Images in front of the text are each followed by a line end; those inside it are where the text has them.
            if leading and not following.get("text", "").startswith("\n"):
                parts.append("\n")
        parts += [ControlToken(END), "\n"]
    return list(_join_texts([*parts, ControlToken(ROLES["assistant"]), "\n"]))


def _join_texts(parts: Iterable[PromptPart]) -> Iterable[PromptPart]:
    """Neighbouring texts as one, since tokens may span their border."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text:
        yield text
