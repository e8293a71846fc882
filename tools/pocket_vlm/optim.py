"""Optimizers and learning rates of the second stage."""

from __future__ import annotations

import torch
from torch import nn

DECAY_SHARE = 0.25


def optimizers(model: nn.Module, heads: nn.Module, *, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for embeddings, norms and biases; the tower at a fraction of the rate.

    The matrices are dealt to two optimizers, one for each thread.
    """
    slow: list[nn.Parameter] = []
    fast: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    slow_rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        tower = "vision_tower" in name
        matrix = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        ((slow if tower else fast) if matrix else (slow_rest if tower else rest)).append(parameter)
    rest += heads.parameters()
    halves = (
        [{"params": fast[part::2], "lr": rate, "share": 1.0}, {"params": slow[part::2], "lr": rate, "share": 0.3}]
        for part in (0, 1)
    )
    muons = [torch.optim.Muon(half, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw") for half in halves]
    adam = torch.optim.AdamW(
        [{"params": rest, "lr": rate, "share": 0.5}, {"params": slow_rest, "lr": rate, "share": 0.2}],
        lr=rate,
        betas=(0.9, 0.98),
        weight_decay=0.0,
    )
    return [*muons, adam]


def rate_at(elapsed: float, *, total: float, step: int) -> float:
    """Warm up, stay, then fall linearly to nothing."""
    left = max(0.0, 1 - elapsed / total)
    return min(1.0, (step + 1) / 40, left / DECAY_SHARE + 0.01)


def update(optimizer: torch.optim.Optimizer) -> None:
    """One step of one optimizer."""
    torch.set_num_threads(1)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def set_rate(both: list[torch.optim.Optimizer], *, rate: float) -> None:
    """Give every parameter group its share of the learning rate."""
    for optimizer in both:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
