"""Read what several prompts begin with once: the words and pictures in common, then each question behind them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from evalkit.backends.collate import TOKENS, collate, joinable
from evalkit.backends.engine import Prefix
from evalkit.backends.image_features import placed
from evalkit.backends.kv_cache import Read, masks, spread
from evalkit.types import Media, Request

if TYPE_CHECKING:
    import torch

# Families, and decoders in them, whose replies with sharing equal those without, token by token in float32: the tests
# prove it for every pair. Their positions are plain counts, and no token sees one behind it.
PROVEN = {
    "llava": ("llama", "mistral", "qwen2"),
    "llava_next": ("llama", "mistral"),
    "idefics3": ("llama",),
}

# Positions that a CPU reads at a time: more gain it nothing, and what a layer makes of them no longer fits its caches.
PASS = 1024

# (tokens so far [batch, n], scores [batch, vocabulary]) -> scores whose argmax is the next token
Draw = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
# (tokens so far [batch, n], scores [batch, vocabulary]) -> which rows [batch] are done
Stop = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def unsound(model: Any) -> str:
    """Why shared prefills would change the replies of this model; empty where nothing speaks against them."""
    config, text, generation = model.config, model.config.get_text_config(), model.generation_config
    if getattr(config, "image_token_id", None) is None:
        return f"{config.model_type} names no image_token_id"
    if hasattr(model.base_model, "get_rope_index"):
        return f"{config.model_type} gives pictures positions of several dimensions"
    if any(getattr(generation, name, None) for name in FORBIDDING):
        return "generation_config.json forbids tokens"
    return narrow(text)


def narrow(text: Any) -> str:
    """Whether layers of a decoder see a part of the prompt only, in words; empty where all see all of it.

    A window counts places in the cache, and behind shared beginnings those hold padding in the middle.
    """
    layers, used = getattr(text, "layer_types", None) or (), getattr(text, "use_sliding_window", None)
    window = getattr(text, "sliding_window", None) if used is None else used
    partial = window or set(layers) - {"full_attention"}
    return f"layers of {text.model_type} see only a part of the prompt" if partial else ""


def unproven(model: Any) -> str:
    """Why it is not known that shared prefills leave the replies as they are; empty where tests prove it."""
    family, decoder = model.config.model_type, model.config.get_text_config().model_type
    if decoder not in PROVEN.get(family, ()):
        return f"not proven for {family} with {decoder}"
    return untested(model.config._attn_implementation)


def untested(attention: str) -> str:
    """Whether an attention kernel is none of those that the tests run, in words; empty where it is one of them."""
    return "" if attention in {"sdpa", "eager"} else f"not proven for {attention}"


FORBIDDING = ("bad_words_ids", "suppress_tokens", "begin_suppress_tokens")


def media_prefix(request: Request, inputs: Mapping[str, torch.Tensor], token: int) -> Prefix | None:
    """The prompt up to its last place of a picture (`token`); None where there is no picture, or nothing behind it.

    Media are told apart by content, choice of frames and decoding.
    """
    places = (inputs["input_ids"][0] == token).nonzero()
    length = int(places[-1]) + 1 if len(places) else 0
    if not 0 < length < inputs["input_ids"].shape[1] or not joinable(inputs):
        return None
    words = inputs["input_ids"][0, :length].numpy().tobytes()
    return Prefix((tuple(map(content, request.media)), words), length)


def content(medium: Media) -> Media:
    """A picture of known content is the same wherever it lies."""
    return msgspec.structs.replace(medium, path="") if medium.digest else medium


def shared(prefixes: Sequence[Prefix | None]) -> list[int]:
    """Which prompts to read with `extend`: those with a prefix, if any two of them have the same; else none."""
    names = {n: prefix.name for n, prefix in enumerate(prefixes) if prefix}
    return list(names) if len(set(names.values())) < len(names) else []


def extend(
    model: Any,
    prompts: Sequence[Mapping[str, torch.Tensor]],
    prefixes: Sequence[Prefix],
    *,
    new: int,
    ends: Collection[int],
    pad: int,
    draw: Draw | None = None,
    stop: Stop | None = None,
) -> list[list[int]]:
    """Up to `new` tokens behind each prompt (tensors [1, ...] on the CPU); every distinct prefix is read once.

    What the rows hold is as `spoken` says.
    """
    reader = Reader(model)

    def step(said: torch.Tensor) -> torch.Tensor:
        return reader.follow(said) if said.shape[1] else reader.open(prompts, prefixes, pad=pad)

    start = prompts[0]["input_ids"].new_zeros(len(prompts), 0, device=model.device)
    return spoken(step, start, new=new, ends=ends, draw=draw, stop=stop)


def spoken(
    step: Callable[[torch.Tensor], torch.Tensor],
    said: torch.Tensor,
    *,
    new: int,
    ends: Collection[int],
    draw: Draw | None = None,
    stop: Stop | None = None,
) -> list[list[int]]:
    """Up to `new` tokens behind `said` [batch, n]; `step` gives scores [batch, vocabulary] of what follows it.

    Rows that end early go on with whatever the model says, so that the caller must look for the first of `ends`; all
    stop when the last has ended.
    """
    import torch

    last = torch.tensor(sorted(ends), device=said.device)
    done = torch.zeros(len(said), dtype=torch.bool, device=said.device)
    for _ in range(new):
        scores = step(said)
        token = (draw(said, scores) if draw else scores).argmax(-1, keepdim=True)
        said = torch.cat([said, token], dim=1)
        done = done | torch.isin(token[:, 0], last)
        if stop:
            done = done | stop(said, scores)
        if bool(done.all()):
            break
    found: list[list[int]] = said.tolist()
    return found


class Reader:
    """A model over a batch, the keys and values of all that it has read, and which of them count."""

    def __init__(self, model: Any) -> None:
        from transformers import DynamicCache

        self.model = model
        self.cache: Any = DynamicCache()
        self.mask: Any = None

    def open(
        self, prompts: Sequence[Mapping[str, torch.Tensor]], prefixes: Sequence[Prefix], *, pad: int
    ) -> torch.Tensor:
        """Read each prefix once, hand it to all its rows, and read what follows there; scores as `read` gives them."""
        prefixes = lengthened(prompts, prefixes)
        first: dict[object, Mapping[str, torch.Tensor]] = {}
        for prompt, prefix in zip(prompts, prefixes, strict=True):
            first.setdefault(prefix.name, _beginning(prompt, prefix.length))
        found: dict[object, Read] = {}
        for names in portions(prefixes, PASS if self.model.device.type == "cpu" else None):
            reader = Reader(self.model)
            reader.read(collate([first[name] for name in names], pad))
            found |= {name: Read(reader.cache, reader.mask, place) for place, name in enumerate(names)}
        rest = collate([_rest(p, h.length) for p, h in zip(prompts, prefixes, strict=True)], pad)
        rows = [found[prefix.name] for prefix in prefixes]
        self.cache, self.mask = spread(rows, room=rest["input_ids"].shape[1]), masks(rows)
        return self.read(rest)

    def follow(self, said: torch.Tensor) -> torch.Tensor:
        """Read the last token of `said` [batch, n]; scores as `read` gives them."""
        import torch

        return self.read({"input_ids": said[:, -1:], "attention_mask": torch.ones_like(said[:, -1:])})

    def read(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [batch, vocabulary] in float32 of the token behind `inputs`, which follow all that was read before.

        Padding may lie in the middle: the mask keeps it unseen, and positions count only what is seen.
        """
        import torch

        shown = placed(self.model, inputs)
        seen = shown.pop("attention_mask")
        self.mask = seen if self.mask is None else torch.cat([self.mask, seen], dim=1)
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)[:, -seen.shape[1] :]
        out = self.model(
            **shown,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        scores: torch.Tensor = out.logits[:, -1].float()
        return scores


def portions(prefixes: Sequence[Prefix], most: int | None) -> list[list[Hashable]]:
    """Names of distinct prefixes in order, read together as long as they take `most` positions, padding counted."""
    length = {prefix.name: prefix.length for prefix in prefixes}
    found: list[list[Hashable]] = []
    for name in length:
        joined = [*found[-1], name] if found else []
        if joined and (most is None or len(joined) * max(length[n] for n in joined) <= most):
            found[-1] = joined
        else:
            found.append([name])
    return found


def lengthened(prompts: Sequence[Mapping[str, torch.Tensor]], prefixes: Sequence[Prefix]) -> list[Prefix]:
    """Each prefix up to the last token that all its prompts have in common, as far as one token stays behind it.

    From that token the first word of the reply is read.
    """
    rows: dict[object, list[list[int]]] = {}
    for prompt, prefix in zip(prompts, prefixes, strict=True):
        rows.setdefault(prefix.name, []).append(prompt["input_ids"][0].tolist())
    length = {name: min(_common(r), *(len(ids) - 1 for ids in r)) for name, r in rows.items()}
    return [Prefix(prefix.name, length[prefix.name]) for prefix in prefixes]


def _common(rows: Sequence[list[int]]) -> int:
    """How many first tokens all rows have in common: those that the least and the greatest of them have."""
    pairs = zip(min(rows), max(rows), strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(map(len, rows)))


def _beginning(inputs: Mapping[str, torch.Tensor], length: int) -> dict[str, torch.Tensor]:
    """The first `length` tokens, and the pictures, all of which stand among them."""
    return {name: value[:, :length] if name in TOKENS else value for name, value in inputs.items()}


def _rest(inputs: Mapping[str, torch.Tensor], length: int) -> dict[str, torch.Tensor]:
    return {name: value[:, length:] for name, value in inputs.items() if name in TOKENS}
