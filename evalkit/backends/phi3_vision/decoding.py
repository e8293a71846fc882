"""Generate tokens behind prompts with images, and compute everything anew where LongRoPE switches its factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from evalkit.backends.collate import collate
from evalkit.backends.engine import Prefix
from evalkit.backends.sampling import LogitsProcessor, StoppingCriterion, generation_loop
from evalkit.backends.shared_prefix import CachedModel, grow_prefixes, sharing_rows

if TYPE_CHECKING:
    import torch

# A prompt's `input_ids` and `attention_mask`, [1, length] on the CPU.
TokenInputs: TypeAlias = Mapping[str, "torch.Tensor"]


class MultimodalDecoder:
    """The decoder for token ids in which -n stands for row n - 1 of `features` [positions, hidden size].

    So equal ids are equal prompts, images included, and prompts with images are padded and shared like those of text.
    """

    def __init__(self, model: Any, features: torch.Tensor) -> None:
        self.model, self.features = model, features
        self.config, self.device, self.dtype = model.config, model.device, model.dtype

    def __call__(self, *, input_ids: torch.Tensor, **inputs: Any) -> Any:
        """The decoder's output for ids [batch, n] on its device."""
        import torch

        embeddings = self.model.model.embed_tokens(input_ids.clamp(min=0))
        # No mask as an index: every step of the decoder would wait for the device to count it.
        if len(self.features):
            features = self.features[(-1 - input_ids).clamp(min=0)]
            embeddings = torch.where((input_ids < 0)[..., None], features, embeddings)
        return self.model(inputs_embeds=embeddings, **inputs)


def generate(
    model: MultimodalDecoder,
    prompts: Sequence[TokenInputs],
    *,
    max_new_tokens: int,
    ends: Collection[int],
    pad: int,
    prefixes: Sequence[Prefix | None] = (),
    sampler: LogitsProcessor | None = None,
    stop: StoppingCriterion | None = None,
) -> list[list[int]]:
    """The tokens behind each prompt, as `generation_loop` returns them.

    The prompts of a batch must be on one side of the limit (see `rope_batches`). With `prefixes`, one per prompt, a
    prefix that several prompts have is prefilled once.
    """
    steps = LongRopeSteps(model, prompts, prefixes if sharing_rows(prefixes) else (), pad=pad)
    start = prompts[0]["input_ids"].new_zeros(len(prompts), 0, device=model.device)
    return generation_loop(steps.logits, start, max_new_tokens=max_new_tokens, ends=ends, sampler=sampler, stop=stop)


class LongRopeSteps:
    """The decoder over a batch, with its KV cache.

    LongRoPE has short factors up to `short_rope_limit` positions and long ones beyond. Keys that were rotated with one
    kind are wrong under the other, so the step that crosses the limit computes everything again, as the reference does.
    """

    def __init__(
        self,
        model: MultimodalDecoder,
        prompts: Sequence[TokenInputs],
        prefixes: Sequence[Prefix | None] = (),
        *,
        pad: int,
    ) -> None:
        self.model, self.prompts, self.prefixes, self.pad = model, prompts, prefixes, pad
        self.crossing = short_rope_limit(model) + 1 - max(prompt["input_ids"].shape[1] for prompt in prompts)
        self.cached = CachedModel(model)

    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits [batch, vocabulary] in float32 of the token that follows the prompts and `tokens` [batch, n].

        n is 0 in the first call and grows by one from call to call.
        """
        count = tokens.shape[1]
        if count and count != self.crossing:
            return self.cached.decode(tokens)
        if self.prefixes and not count:
            return self.cached.prefill(self.prompts, own_prefixes(self.prefixes), pad=self.pad)
        self.cached = CachedModel(self.model)
        rows = [_append(prompt, row[None]) for prompt, row in zip(self.prompts, tokens.cpu(), strict=True)]
        return self.cached.forward(collate(rows, self.pad))


def _append(prompt: TokenInputs, tokens: torch.Tensor) -> TokenInputs:
    import torch

    ids = torch.cat([prompt["input_ids"], tokens], dim=1)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def short_rope_limit(model: Any) -> int:
    """The number of positions up to which the short factors hold: 4096 in the official checkpoint."""
    return int(model.config.rope_parameters["original_max_position_embeddings"])


def rope_batches(lengths: Sequence[int], *, new: int, limit: int) -> list[list[int]]:
    """Indices of the prompts that may run together: all below the limit, all above it, and each that crosses it alone.

    The longest row of a batch decides the factors of all, so with other batches replies would depend on their
    neighbours. A prompt that is one token longer than the limit runs alone, too: all before that token would get the
    short factors by themselves.
    """
    below = [n for n, length in enumerate(lengths) if length + new <= limit]
    above = [n for n, length in enumerate(lengths) if length > limit + 1]
    crossing = [[n] for n, length in enumerate(lengths) if length <= limit + 1 and length + new > limit]
    return [batch for batch in (below, above, *crossing) if batch]


def same_rope_factors(length: int, prefix: int, *, new: int, limit: int) -> bool:
    """True if a prefix of `prefix` positions gets by itself the factors that its prompt of `length` positions gets."""
    return length + new <= limit or prefix > limit


def generation_batches(
    prompts: Sequence[TokenInputs], prefixes: Sequence[Prefix | None], *, new: int, limit: int
) -> Iterator[list[int]]:
    """Indices of the prompts that run together: `rope_batches`, unless shared prefixes save nothing in one of them.

    Such a batch is split into the prompts of each prefix, and those that share none. It was filled in the expectation
    that prefixes are shared, so to prefill its prompts whole and together would take too much memory.
    """
    for batch in rope_batches([prompt["input_ids"].shape[1] for prompt in prompts], new=new, limit=limit):
        own = [prefixes[n] for n in batch]
        if not sharing_rows(own) or sharing_saves([prompts[n] for n in batch], own):
            yield batch
            continue
        count, parts = Counter(own), dict[Prefix | None, list[int]]()
        for n, prefix in zip(batch, own, strict=True):
            parts.setdefault(prefix if count[prefix] > 1 else None, []).append(n)
        yield from parts.values()


def sharing_saves(prompts: Sequence[TokenInputs], prefixes: Sequence[Prefix | None]) -> bool:
    """True if sharing prefills fewer positions, with padding, than whole prompts, and rows grow by at most an eighth.

    Prefixes are padded to the longest prefix and questions to the longest question, so a row may be longer than any
    prompt. If it grew by more than an eighth, the batch could take more memory than its token budget allows.
    """
    grown = grow_prefixes(prompts, own_prefixes(prefixes))
    lengths = [prompt["input_ids"].shape[1] for prompt in prompts]
    longest, widest = max(lengths), max(prefix.length for prefix in grown)
    rest = max(length - prefix.length for length, prefix in zip(lengths, grown, strict=True))
    distinct = len({prefix.name for prefix in grown})
    return distinct * widest + len(prompts) * rest < len(prompts) * longest and 8 * (widest + rest) <= 9 * longest


def own_prefixes(prefixes: Sequence[Prefix | None]) -> list[Prefix]:
    """A prefix for each prompt: an empty one of its own where it shares none."""
    return [prefix or Prefix(("alone", n), 0) for n, prefix in enumerate(prefixes)]
