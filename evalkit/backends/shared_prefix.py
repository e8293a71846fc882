"""Prefix caching within a batch: each distinct prefix is prefilled once, then every question behind it is."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import msgspec

from evalkit.backends.collate import PER_TOKEN, can_collate, collate
from evalkit.backends.engine import Prefix
from evalkit.backends.image_features import device_inputs
from evalkit.backends.kv_cache import CachedPrefix, expand_cache, expand_masks
from evalkit.backends.sampling import LogitsProcessor, StoppingCriterion, generation_loop
from evalkit.types import Media, Request

if TYPE_CHECKING:
    import torch

# Families, and decoders in them, whose replies with shared prefixes equal those without, token by token in float32: the
# tests prove it for every pair. Their positions are plain counts, and their attention is causal.
PROVEN = {
    "llava": ("llama", "mistral", "qwen2"),
    "llava_next": ("llama", "mistral"),
    "idefics3": ("llama",),
}

# Positions in a prefill of prefixes on a CPU: more make it no faster, and the output of a layer then no longer fits the
# CPU's caches.
CPU_PREFILL = 1024

# Settings of generation_config.json that forbid tokens, which the generation loop of this module would not.
FORBIDDING = ("bad_words_ids", "suppress_tokens", "begin_suppress_tokens")

Inputs: TypeAlias = Mapping[str, "torch.Tensor"]
"""The tensors of a prompt, [1, length] or one row per image, on the CPU."""


@runtime_checkable
class MultimodalRope(Protocol):
    """A model of transformers that computes position ids of several dimensions for images, as Qwen-VL does.

    No base class, config field or table of transformers says so for all families; the method is what they have in
    common.
    """

    def get_rope_index(self, *args: Any, **kwargs: Any) -> Any:
        """Position ids of time, height and width."""


# --- the reasons against sharing


def unsound_reason(model: Any) -> str:
    """The reason why shared prefills would change the replies of a model of transformers, or ""."""
    config, generation = model.config, model.generation_config
    if getattr(config, "image_token_id", None) is None:
        return f"{config.model_type} names no image_token_id"
    if isinstance(model.base_model, MultimodalRope):
        return f"{config.model_type} gives pictures positions of several dimensions"
    if any(getattr(generation, name, None) for name in FORBIDDING):
        return "generation_config.json forbids tokens"
    return partial_attention_reason(config.get_text_config())


def partial_attention_reason(config: Any) -> str:
    """The reason why layers of a decoder see only a part of the prompt (sliding windows and the like), or "".

    A window counts positions of the KV cache, and those behind a shared prefix follow padding in the middle.
    """
    layers, used = getattr(config, "layer_types", None) or (), getattr(config, "use_sliding_window", None)
    window = getattr(config, "sliding_window", None) if used is None else used
    partial = window or set(layers) - {"full_attention"}
    return f"layers of {config.model_type} see only a part of the prompt" if partial else ""


def unproven_reason(model: Any) -> str:
    """The reason why no test proves that shared prefills leave the replies of a model as they are, or ""."""
    family, decoder = model.config.model_type, model.config.get_text_config().model_type
    if decoder not in PROVEN.get(family, ()):
        return f"not proven for {family} with {decoder}"
    return unproven_attention_reason(model.config._attn_implementation)


def unproven_attention_reason(kernel: str) -> str:
    """The reason why no test proves that shared prefills leave replies as they are with an attention kernel, or ""."""
    return "" if kernel in {"sdpa", "eager"} else f"not proven for {kernel}"


# --- the prefix of a prompt


def image_prefix(request: Request, inputs: Inputs, image_token: int) -> Prefix | None:
    """The prompt up to its last image placeholder (`image_token`).

    None for a prompt without images, with nothing behind the last one, or with inputs that cannot be collated. Prefixes
    are equal if tokens, content of the media, choice of frames and decoding are.
    """
    positions = (inputs["input_ids"][0] == image_token).nonzero()
    length = int(positions[-1]) + 1 if len(positions) else 0
    if not 0 < length < inputs["input_ids"].shape[1] or not can_collate(inputs):
        return None
    tokens = inputs["input_ids"][0, :length].numpy().tobytes()
    return Prefix((tuple(map(without_path, request.media)), tokens), length)


def without_path(medium: Media) -> Media:
    """A handle that is equal for equal content, wherever the file is."""
    return msgspec.structs.replace(medium, path="") if medium.digest else medium


def sharing_rows(prefixes: Sequence[Prefix | None]) -> list[int]:
    """Indices of the prompts for `generate_with_prefixes`: all with a prefix if any two have the same, else none."""
    names = {n: prefix.name for n, prefix in enumerate(prefixes) if prefix}
    return list(names) if len(set(names.values())) < len(names) else []


def grow_prefixes(prompts: Sequence[Inputs], prefixes: Sequence[Prefix]) -> list[Prefix]:
    """Each prefix extended by the tokens that all its prompts have in common.

    At least one token stays behind it, since the logits of a prompt's last token give the first token of the reply.
    """
    rows: dict[Hashable, list[list[int]]] = {}
    for prompt, prefix in zip(prompts, prefixes, strict=True):
        rows.setdefault(prefix.name, []).append(prompt["input_ids"][0].tolist())
    length = {name: min(_common(r), *(len(ids) - 1 for ids in r)) for name, r in rows.items()}
    return [Prefix(prefix.name, length[prefix.name]) for prefix in prefixes]


def _common(rows: Sequence[list[int]]) -> int:
    """The number of leading tokens that all rows share: the first and the last row in sorted order share no more."""
    pairs = zip(min(rows), max(rows), strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(map(len, rows)))


def prefill_batches(prefixes: Sequence[Prefix], most: int | None) -> list[list[Hashable]]:
    """Names of the distinct prefixes, in order, in batches of at most `most` positions with padding (None: no bound).

    A longer prefix is a batch by itself.
    """
    length = {prefix.name: prefix.length for prefix in prefixes}
    batches: list[list[Hashable]] = []
    for name in length:
        joined = [*batches[-1], name] if batches else []
        if joined and (most is None or len(joined) * max(length[n] for n in joined) <= most):
            batches[-1] = joined
        else:
            batches.append([name])
    return batches


# --- generation


def generate_with_prefixes(
    model: Any,
    prompts: Sequence[Inputs],
    prefixes: Sequence[Prefix],
    *,
    max_new_tokens: int,
    ends: Collection[int],
    pad: int,
    sampler: LogitsProcessor | None = None,
    stop: StoppingCriterion | None = None,
) -> list[list[int]]:
    """The tokens behind each prompt, as `generation_loop` returns them; every distinct prefix is prefilled once."""
    cached = CachedModel(model)

    def logits(tokens: torch.Tensor) -> torch.Tensor:
        return cached.decode(tokens) if tokens.shape[1] else cached.prefill(prompts, prefixes, pad=pad)

    start = prompts[0]["input_ids"].new_zeros(len(prompts), 0, device=model.device)
    return generation_loop(logits, start, max_new_tokens=max_new_tokens, ends=ends, sampler=sampler, stop=stop)


class CachedModel:
    """A model with the KV cache of a batch, and the attention mask [batch, positions] of that cache."""

    def __init__(self, model: Any) -> None:
        from transformers import DynamicCache

        self.model = model
        self.cache: Any = DynamicCache()
        self.mask: Any = None

    def prefill(self, prompts: Sequence[Inputs], prefixes: Sequence[Prefix], *, pad: int) -> torch.Tensor:
        """Compute each prefix once, copy its keys and values to all its rows, then compute what follows it.

        Returns logits as `forward` does.
        """
        prefixes = grow_prefixes(prompts, prefixes)
        first: dict[Hashable, Inputs] = {}
        for prompt, prefix in zip(prompts, prefixes, strict=True):
            # All images are in the prefix.
            first.setdefault(
                prefix.name, {k: v[:, : prefix.length] if k in PER_TOKEN else v for k, v in prompt.items()}
            )
        computed: dict[Hashable, CachedPrefix] = {}
        for names in prefill_batches(prefixes, CPU_PREFILL if self.model.device.type == "cpu" else None):
            part = CachedModel(self.model)
            part.forward(collate([first[name] for name in names], pad))
            computed |= {name: CachedPrefix(part.cache, part.mask, row) for row, name in enumerate(names)}
        rest = collate(
            [
                {k: v[:, prefix.length :] for k, v in prompt.items() if k in PER_TOKEN}
                for prompt, prefix in zip(prompts, prefixes, strict=True)
            ],
            pad,
        )
        rows = [computed[prefix.name] for prefix in prefixes]
        self.cache, self.mask = expand_cache(rows, new=rest["input_ids"].shape[1]), expand_masks(rows)
        return self.forward(rest)

    def decode(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits as `forward` returns them, for the last of `tokens` [batch, n]; the others are in the cache."""
        import torch

        return self.forward({"input_ids": tokens[:, -1:], "attention_mask": torch.ones_like(tokens[:, -1:])})

    def forward(self, inputs: Inputs) -> torch.Tensor:
        """Logits [batch, vocabulary] in float32 of the token after `inputs`; their keys and values go into the cache.

        Padding may be in the middle of a row: the mask hides it, and position ids count only what is not masked.
        """
        import torch

        tensors = device_inputs(self.model, inputs)
        mask = tensors.pop("attention_mask")
        self.mask = mask if self.mask is None else torch.cat([self.mask, mask], dim=1)
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)[:, -mask.shape[1] :]
        output = self.model(
            **tensors,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits
