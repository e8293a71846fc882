"""Join requests that were processed one by one into the batch that the processor itself would have made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# One row per token of the prompt: padded on the left, so that every prompt ends where its reply begins.
TOKENS = {"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids"}

# One row per picture, crop, patch or prompt with pictures; all of a batch follow each other in prompt order. Prompts
# without pictures add no rows. What is shorter is filled up with zeros at its end, as processors do.
ROWS = {
    "pixel_values",
    "pixel_values_videos",
    "pixel_attention_mask",
    "image_grid_thw",
    "video_grid_thw",
    "image_sizes",
    "image_sizes_videos",
    "spatial_shapes",
    "second_per_grid_ts",
    "batch_num_images",
}


def joinable(inputs: Mapping[str, Any]) -> bool:
    """Whether everything is a tensor of a known kind; a prompt with other inputs has to run alone."""
    import torch

    return all(name in TOKENS | ROWS and isinstance(value, torch.Tensor) for name, value in inputs.items())


def collate(many: Sequence[Mapping[str, torch.Tensor]], pad: int) -> dict[str, torch.Tensor]:
    """One batch of several prompts, [batch, longest prompt] for tokens; tensors of a lone prompt are not copied."""
    if len(many) == 1:
        return dict(many[0])
    names = {name: None for inputs in many for name in inputs}
    return {
        name: _tokens(name, many, pad) if name in TOKENS else _rows([i[name] for i in many if name in i])
        for name in names
    }


def _tokens(name: str, many: Sequence[Mapping[str, torch.Tensor]], pad: int) -> torch.Tensor:
    import torch

    longest = max(inputs["input_ids"].shape[1] for inputs in many)
    like = next(inputs[name] for inputs in many if name in inputs)
    # Zero is "not attended to", "text" and "first segment" in the masks and types.
    out = torch.full((len(many), longest), pad if name == "input_ids" else 0, dtype=like.dtype)
    for row, inputs in zip(out, many, strict=True):
        # A prompt without pictures may come without the types that others have: all of it is text, type zero.
        if name in inputs:
            row[longest - inputs[name].shape[1] :] = inputs[name][0]
    return out


def _rows(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    import torch

    shape = [max(sizes) for sizes in zip(*(tensor.shape[1:] for tensor in tensors), strict=True)]
    if all(list(tensor.shape[1:]) == shape for tensor in tensors):
        return torch.cat(list(tensors))
    out = tensors[0].new_zeros((sum(len(tensor) for tensor in tensors), *shape))
    first = 0
    for tensor in tensors:
        place = (slice(first, first + len(tensor)), *(slice(size) for size in tensor.shape[1:]))
        out[place] = tensor
        first += len(tensor)
    return out
