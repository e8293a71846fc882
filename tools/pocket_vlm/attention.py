"""Attention for training on CPU: plain matrix products, which bfloat16 runs two to three times faster than SDPA.

Only training uses it; the exported folder runs with transformers' own implementation.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel

NAME = "pocket_plain"
HIDDEN = -30000.0


def plain_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    **unused: object,
) -> tuple[torch.Tensor, None]:
    """Softmax attention with an additive mask, in the type of its inputs (signature of transformers)."""
    scores = torch.matmul(query * scaling, key.transpose(-1, -2))
    if attention_mask is not None:
        scores = scores + attention_mask
    return torch.matmul(scores.softmax(-1, dtype=scores.dtype), value).transpose(1, 2).contiguous(), None


def use_plain_attention(model: PreTrainedModel) -> None:
    """Switch a model over."""
    AttentionInterface.register(NAME, plain_attention)
    model.set_attn_implementation(NAME)


def additive(mask: torch.Tensor) -> torch.Tensor:
    """A boolean mask as numbers to add."""
    return torch.zeros(mask.shape, dtype=torch.bfloat16).masked_fill(~mask, HIDDEN)
