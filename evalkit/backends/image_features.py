"""Move a batch to the model's device; in families that allow it, an image that occurs twice is encoded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Model types whose `pixel_values` hold one row per image, each encoded by itself, and whose `forward` takes image
# features in their place.
ONE_ROW_PER_IMAGE = {"llava"}


def device_inputs(model: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of a batch on the model's device, those of floating point in the dtype of the weights.

    Where `pixel_values` [images, ...] hold an image twice, `mm_encoder_outputs` takes their place: the features of all
    images in their order.
    """
    import torch

    tensors = {
        name: value.to(model.device, model.dtype if value.is_floating_point() else value.dtype)
        if isinstance(value, torch.Tensor)
        else value
        for name, value in inputs.items()
    }
    if model.config.model_type in ONE_ROW_PER_IMAGE and "pixel_values" in inputs:
        first = _first_equal(inputs["pixel_values"])
        if len(set(first)) < len(first):
            tensors["mm_encoder_outputs"] = {"image": _features(model, tensors.pop("pixel_values"), first)}
    return tensors


def _first_equal(pixels: torch.Tensor) -> list[int]:
    """For each image the index of the first that equals it, to the bit."""
    first: dict[bytes, int] = {}
    return [first.setdefault(image.numpy().tobytes(), n) for n, image in enumerate(pixels)]


def _features(model: Any, pixels: torch.Tensor, first: list[int]) -> Any:
    distinct = list(dict.fromkeys(first))
    output = model.get_image_features(pixel_values=pixels[distinct], return_dict=True)
    row = {index: n for n, index in enumerate(distinct)}
    output.pooler_output = [output.pooler_output[row[index]] for index in first]
    return output
