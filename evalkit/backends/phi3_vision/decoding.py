"""Extend prompts token by token, and start anew where the checkpoint's rotary factors change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from evalkit.backends.collate import collate
from evalkit.backends.engine import Prefix
from evalkit.backends.shared_prefix import Draw, Reader, Stop, lengthened, spoken

if TYPE_CHECKING:
    import torch

# A prompt's `input_ids` and `attention_mask`, [1, length] on the CPU.
Inputs: TypeAlias = Mapping[str, "torch.Tensor"]


class Illustrated:
    """The decoder over ids of which -n stands for row n - 1 of `pictures`, embeddings [positions, hidden size].

    So equal ids are equal prompts, pictures included, and a batch is padded and shared as one of words is.
    """

    def __init__(self, model: Any, pictures: torch.Tensor) -> None:
        self.model, self.pictures = model, pictures
        self.config, self.device, self.dtype = model.config, model.device, model.dtype

    def __call__(self, *, input_ids: torch.Tensor, **inputs: Any) -> Any:
        """What the decoder makes of ids [batch, n] on its device."""
        import torch

        rows = self.model.model.embed_tokens(input_ids.clamp(min=0))
        # No mask as an index: every step of the decoder would wait for the device to count it.
        if len(self.pictures):
            shown = self.pictures[(-1 - input_ids).clamp(min=0)]
            rows = torch.where((input_ids < 0)[..., None], shown, rows)
        return self.model(inputs_embeds=rows, **inputs)


def extend(
    model: Illustrated,
    prompts: Sequence[Inputs],
    *,
    new: int,
    ends: Collection[int],
    pad: int,
    prefixes: Sequence[Prefix | None] = (),
    draw: Draw | None = None,
    stop: Stop | None = None,
) -> list[list[int]]:
    """Up to `new` tokens behind each prompt, as `prefix.spoken` says them.

    Prompts of a batch must lie on one side of the limit (see `buckets`). With `prefixes`, one per prompt, a prefix that
    several prompts have is read once.
    """
    steps = Steps(model, prompts, prefixes if repeated(prefixes) else (), pad=pad)
    start = prompts[0]["input_ids"].new_zeros(len(prompts), 0, device=model.device)
    return spoken(steps.scores, start, new=new, ends=ends, draw=draw, stop=stop)


class Steps:
    """The decoder over a batch, and the keys and values of all it has read.

    Up to `limit` positions the rotary factors are short ones, beyond it long ones. What was computed with one kind is
    worth nothing under the other, so the step that crosses the limit computes everything again, as the reference does.
    """

    def __init__(
        self, model: Illustrated, prompts: Sequence[Inputs], prefixes: Sequence[Prefix | None] = (), *, pad: int
    ) -> None:
        self.model, self.prompts, self.prefixes, self.pad = model, prompts, prefixes, pad
        self.crossing = limit_of(model) + 1 - max(prompt["input_ids"].shape[1] for prompt in prompts)
        self.reader = Reader(model)

    def scores(self, said: torch.Tensor) -> torch.Tensor:
        """Scores [batch, vocabulary] in float32 of the token that follows the prompts and `said` [batch, n].

        From call to call `said` grows by one.
        """
        count = said.shape[1]
        if count and count != self.crossing:
            return self.reader.follow(said)
        if self.prefixes and not count:
            return self.reader.open(self.prompts, named(self.prefixes), pad=self.pad)
        self.reader = Reader(self.model)
        rows = [_behind(prompt, row[None]) for prompt, row in zip(self.prompts, said.cpu(), strict=True)]
        return self.reader.read(collate(rows, self.pad))


def _behind(prompt: Inputs, said: torch.Tensor) -> Inputs:
    import torch

    ids = torch.cat([prompt["input_ids"], said], dim=1)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def limit_of(model: Any) -> int:
    """The number of positions up to which the short rotary factors hold: 4096 in the official checkpoint."""
    return int(model.config.rope_parameters["original_max_position_embeddings"])


def buckets(lengths: Sequence[int], *, new: int, limit: int) -> list[list[int]]:
    """Indices of the prompts that may run together: all below the limit, all above it, and each that crosses it alone.

    In one batch the longest row would decide the rotary factors of all, and replies would depend on their neighbours. A
    prompt whose last token crosses it runs alone, too: what stands before that token would get others by itself.
    """
    below = [n for n, length in enumerate(lengths) if length + new <= limit]
    above = [n for n, length in enumerate(lengths) if length > limit + 1]
    crossing = [[n] for n, length in enumerate(lengths) if length <= limit + 1 and length + new > limit]
    return [bucket for bucket in (below, above, *crossing) if bucket]


def same_factors(length: int, prefix: int, *, new: int, limit: int) -> bool:
    """Whether the first `prefix` positions, read by themselves, get the rotary factors that their prompt gets."""
    return length + new <= limit or prefix > limit


def together(
    prompts: Sequence[Inputs], prefixes: Sequence[Prefix | None], *, new: int, limit: int
) -> Iterator[list[int]]:
    """Indices of the prompts that run together: a bucket, unless reading shared prefixes saves nothing in it.

    Then those of each prefix run by themselves, and so do those that share none. A batch was filled in the expectation
    that prefixes are shared, so that prompts which could share them are never read as a whole in a large one.
    """
    for bucket in buckets([prompt["input_ids"].shape[1] for prompt in prompts], new=new, limit=limit):
        found = [prefixes[n] for n in bucket]
        if not repeated(found) or saves([prompts[n] for n in bucket], found):
            yield bucket
            continue
        count, parts = Counter(found), dict[Prefix | None, list[int]]()
        for n, prefix in zip(bucket, found, strict=True):
            parts.setdefault(prefix if count[prefix] > 1 else None, []).append(n)
        yield from parts.values()


def saves(prompts: Sequence[Inputs], prefixes: Sequence[Prefix | None]) -> bool:
    """Whether reading each distinct prefix once, then what follows it, is less work than reading the prompts.

    And whether it takes little more memory: a short prefix and a short question are both padded to the longest, so rows
    may be longer than any prompt. An eighth is let pass; more would make the bound on tokens a word.
    """
    found = lengthened(prompts, named(prefixes))
    lengths = [prompt["input_ids"].shape[1] for prompt in prompts]
    longest, widest = max(lengths), max(prefix.length for prefix in found)
    rest = max(length - prefix.length for length, prefix in zip(lengths, found, strict=True))
    distinct = len({prefix.name for prefix in found})
    return distinct * widest + len(prompts) * rest < len(prompts) * longest and 8 * (widest + rest) <= 9 * longest


def repeated(prefixes: Sequence[Prefix | None]) -> bool:
    """Whether any two prompts have the same prefix."""
    names = [prefix.name for prefix in prefixes if prefix]
    return len(set(names)) < len(names)


def named(prefixes: Sequence[Prefix | None]) -> list[Prefix]:
    """A prefix for each prompt; one that shares nothing has its own."""
    return [prefix or Prefix(("alone", n), 0) for n, prefix in enumerate(prefixes)]
