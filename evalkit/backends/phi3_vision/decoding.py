"""Extend prompts token by token, and start anew where the checkpoint's rotary factors change."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

# (tokens so far [batch, n], scores [batch, vocabulary]) -> scores whose argmax is the next token
Draw = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
# (tokens so far [batch, n], scores) -> which rows [batch] are done
Stop = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


class Head(NamedTuple):
    """The first `length` positions of a prompt; prompts with equal names have equal heads."""

    name: Hashable
    length: int


def extend(
    model: Any,
    prompts: Sequence[torch.Tensor],
    *,
    new: int,
    ends: Iterable[int],
    heads: Sequence[Head] = (),
    draw: Draw | None = None,
    stop: Stop | None = None,
) -> list[list[int]]:
    """Up to `new` tokens behind each prompt, a tensor of embeddings [length, hidden size] on the model's device.

    Rows that end early go on with whatever the model says, so that the caller must look for the first of `ends`;
    all stop when the last has ended. Prompts of a batch must lie on one side of the limit (see `buckets`). With
    `heads`, one per prompt, a head that several prompts share is read once.
    """
    import torch

    lengths = [len(prompt) for prompt in prompts]
    shared = heads if saves(lengths, heads) and same_factors(lengths, heads, new=new, limit=limit_of(model)) else ()
    steps = Steps(model, prompts, shared)
    device = prompts[0].device
    last = torch.tensor(sorted(ends), device=device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    said = torch.zeros(len(prompts), 0, dtype=torch.long, device=device)
    for _ in range(new):
        scores = steps.scores(said)
        token = (draw(said, scores) if draw else scores).argmax(-1, keepdim=True)
        said = torch.cat([said, token], dim=1)
        done = done | torch.isin(token[:, 0], last)
        if stop:
            done = done | stop(said, scores)
        if bool(done.all()):
            break
    found: list[list[int]] = said.tolist()
    return found


class Steps:
    """The decoder over a batch, and the keys and values of all it has read.

    Up to `limit` positions the rotary factors are short ones, beyond it long ones. What was computed with one kind is
    worth nothing under the other, so the step that crosses the limit computes everything again, as the reference does.
    """

    def __init__(self, model: Any, prompts: Sequence[torch.Tensor], heads: Sequence[Head] = ()) -> None:
        self.model, self.limit = model, limit_of(model)
        self.prompts, self.heads = prompts, heads
        self.longest = max(len(prompt) for prompt in prompts)
        self.cache: Any = None
        self.mask: Any = None

    def scores(self, said: torch.Tensor) -> torch.Tensor:
        """Scores [batch, vocabulary] in float32 of the token that follows the prompts and `said` [batch, n].

        From call to call `said` grows by one.
        """
        import torch

        count = said.shape[1]
        words = self.model.model.embed_tokens(said)
        if count > 0 and self.longest + count != self.limit + 1:
            read = self._read(words[:, -1:], self.mask.new_ones(len(said), 1))
        else:
            self.cache = self.mask = None
            rows, mask = left_padded(self._behind_heads())
            read = self._read(torch.cat([rows, words], dim=1), torch.cat([mask, mask.new_ones(said.shape)], dim=1))
        scores: torch.Tensor = self.model.lm_head(read[:, -1]).float()
        return scores

    def _behind_heads(self) -> Sequence[torch.Tensor]:
        """Read every distinct head once and hand its keys and values to the rows that have it; what follows it."""
        import torch

        if not self.heads:
            return self.prompts
        first = {head.name: prompt[: head.length] for head, prompt in zip(self.heads, self.prompts, strict=True)}
        self._read(*left_padded(list(first.values())))
        places = list(first)
        owners = torch.tensor([places.index(head.name) for head in self.heads], device=self.mask.device)
        self.cache.batch_select_indices(owners)
        self.mask = self.mask[owners]
        return [prompt[head.length :] for head, prompt in zip(self.heads, self.prompts, strict=True)]

    def _read(self, rows: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The decoder's output for `rows` [batch, n, hidden size], of which those count that `mask` [batch, n] says."""
        import torch
        from transformers import DynamicCache

        self.cache = self.cache or DynamicCache(config=self.model.config)
        self.mask = mask if self.mask is None else torch.cat([self.mask, mask], dim=1)
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)[:, -rows.shape[1] :]
        out: torch.Tensor = self.model.model(
            inputs_embeds=rows,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        return out


def saves(lengths: Sequence[int], heads: Sequence[Head]) -> bool:
    """Whether reading each distinct head once, then what follows it, is less work than reading the prompts."""
    if not heads:
        return False
    distinct = len({head.name for head in heads})
    widest = max(head.length for head in heads)
    rest = max(length - head.length for length, head in zip(lengths, heads, strict=True))
    return distinct * widest + len(lengths) * rest < len(lengths) * max(lengths)


def same_factors(lengths: Sequence[int], heads: Sequence[Head], *, new: int, limit: int) -> bool:
    """Whether heads read by themselves get the rotary factors that their prompts get: the longest row decides."""
    return max(lengths) + new <= limit or max(head.length for head in heads) > limit


def limit_of(model: Any) -> int:
    """The number of positions up to which the short rotary factors hold: 4096 in the official checkpoint."""
    return int(model.config.rope_parameters["original_max_position_embeddings"])


def buckets(lengths: Sequence[int], *, new: int, limit: int) -> list[list[int]]:
    """Indices of the prompts that may run together: all below the limit, all above it, and each that crosses it alone.

    In one batch the longest row would decide the rotary factors of all, and replies would depend on their neighbours.
    """
    below = [n for n, length in enumerate(lengths) if length + new <= limit]
    above = [n for n, length in enumerate(lengths) if length > limit]
    crossing = [[n] for n, length in enumerate(lengths) if length <= limit < length + new]
    return [bucket for bucket in (below, above, *crossing) if bucket]


def left_padded(prompts: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings [batch, longest, hidden size] zeros in front of shorter prompts, and the mask of both."""
    import torch

    longest = max(len(prompt) for prompt in prompts)
    if len(prompts) == 1:
        return prompts[0][None], torch.ones(1, longest, dtype=torch.long, device=prompts[0].device)
    rows = prompts[0].new_zeros(len(prompts), longest, prompts[0].shape[1])
    mask = torch.zeros(len(prompts), longest, dtype=torch.long, device=rows.device)
    for row, shown, prompt in zip(rows, mask, prompts, strict=True):
        row[longest - len(prompt) :] = prompt
        shown[longest - len(prompt) :] = 1
    return rows, mask
