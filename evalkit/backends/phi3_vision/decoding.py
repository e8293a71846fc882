"""Extend prompts token by token, and start anew where the checkpoint's rotary factors change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# (tokens so far [batch, n], scores [batch, vocabulary]) -> scores whose argmax is the next token
Draw = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
# (tokens so far [batch, n], scores) -> which rows [batch] are done
Stop = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def extend(
    model: Any, prompts: Sequence[torch.Tensor], *, new: int, ends: Iterable[int], draw: Draw | None, stop: Stop | None
) -> list[list[int]]:
    """Up to `new` tokens behind each prompt, a tensor of embeddings [length, hidden size] on the model's device.

    Rows that end early go on with whatever the model says, so that the caller must look for the first of `ends`;
    all stop when the last has ended. Prompts of a batch must lie on one side of the limit (see `buckets`).
    """
    import torch

    steps = Steps(model, prompts)
    device = steps.mask.device
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

    def __init__(self, model: Any, prompts: Sequence[torch.Tensor]) -> None:
        self.model, self.limit = model, limit_of(model)
        self.rows, self.mask = left_padded(prompts)
        self.cache: Any = None

    def scores(self, said: torch.Tensor) -> torch.Tensor:
        """Scores [batch, vocabulary] in float32 of the token that follows the prompts and `said` [batch, n].

        From call to call `said` grows by one.
        """
        import torch

        total = self.rows.shape[1] + said.shape[1]
        if self.cache is not None and not self.cache.get_seq_length() <= self.limit < total:
            return self._read(self.model.model.embed_tokens(said[:, -1:]), total)
        self.cache = None
        return self._read(torch.cat([self.rows, self.model.model.embed_tokens(said)], dim=1), total)

    def _read(self, rows: torch.Tensor, total: int) -> torch.Tensor:
        import torch
        from transformers import DynamicCache

        self.cache = self.cache or DynamicCache(config=self.model.config)
        mask = torch.nn.functional.pad(self.mask, (0, total - self.mask.shape[1]), value=1)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        out = self.model.model(
            inputs_embeds=rows,
            attention_mask=mask,
            position_ids=positions[:, -rows.shape[1] :],
            past_key_values=self.cache,
            use_cache=True,
        )
        scores: torch.Tensor = self.model.lm_head(out.last_hidden_state[:, -1]).float()
        return scores


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
