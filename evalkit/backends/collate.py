"""Join requests that were processed one by one into the batch that the processor itself would have made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Tensors [1, tokens] of a prompt: padded on the left, so that every prompt ends where its reply begins.
PER_TOKEN = {"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids"}

# Tensors with one row per image, crop, patch or prompt with images; those of a batch follow each other in prompt order.
# A prompt without images adds no rows. Shorter rows are padded with zeros at their end, as processors do.
PER_IMAGE = {
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


def can_collate(inputs: Mapping[str, Any]) -> bool:
    """True if every input is a tensor of a known name; a prompt with others has to run alone."""
    import torch

    return all(name in PER_TOKEN | PER_IMAGE and isinstance(value, torch.Tensor) for name, value in inputs.items())


def collate(prompts: Sequence[Mapping[str, torch.Tensor]], pad: int) -> dict[str, torch.Tensor]:
    """One batch of several prompts, [batch, longest prompt] for tokens; tensors of a lone prompt are not copied."""
    if len(prompts) == 1:
        return dict(prompts[0])
    names = {name: None for inputs in prompts for name in inputs}
    return {
        name: _pad_left(name, prompts, pad)
        if name in PER_TOKEN
        else _concatenate([i[name] for i in prompts if name in i])
        for name in names
    }


def _pad_left(name: str, prompts: Sequence[Mapping[str, torch.Tensor]], pad: int) -> torch.Tensor:
    import torch

    longest = max(inputs["input_ids"].shape[1] for inputs in prompts)
    dtype = next(inputs[name].dtype for inputs in prompts if name in inputs)
    # Zero is "not attended to", "text" and "first segment" in the masks and types.
    out = torch.full((len(prompts), longest), pad if name == "input_ids" else 0, dtype=dtype)
    for row, inputs in zip(out, prompts, strict=True):
        # A prompt without images may come without the types that others have: all of it is text, type zero.
        if name in inputs:
            row[longest - inputs[name].shape[1] :] = inputs[name][0]
    return out


def _concatenate(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    import torch

    shape = [max(sizes) for sizes in zip(*(tensor.shape[1:] for tensor in tensors), strict=True)]
    if all(list(tensor.shape[1:]) == shape for tensor in tensors):
        return torch.cat(list(tensors))
    out = tensors[0].new_zeros((sum(len(tensor) for tensor in tensors), *shape))
    start = 0
    for tensor in tensors:
        region = (slice(start, start + len(tensor)), *(slice(size) for size in tensor.shape[1:]))
        out[region] = tensor
        start += len(tensor)
    return out
