"""Bring a batch to the model's device; where the family allows it, a picture that occurs twice is encoded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Families whose `pixel_values` hold one row a picture, encoded by itself, and whose model takes features instead.
ONE_ROW_A_PICTURE = {"llava"}


def placed(model: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of a batch on the model's device: pixels in the dtype of the weights, numbers and sizes whole.

    Pixels in which pictures repeat become `mm_encoder_outputs`, the features of all pictures in their order.
    """
    import torch

    moved = {
        name: value.to(model.device, model.dtype if value.is_floating_point() else value.dtype)
        if isinstance(value, torch.Tensor)
        else value
        for name, value in inputs.items()
    }
    if model.config.model_type in ONE_ROW_A_PICTURE and "pixel_values" in inputs:
        order = _order(inputs["pixel_values"])
        if len(set(order)) < len(order):
            moved["mm_encoder_outputs"] = {"image": _features(model, moved.pop("pixel_values"), order)}
    return moved


def _order(pixels: torch.Tensor) -> list[int]:
    """For each picture the place of the first that equals it, to the bit."""
    first: dict[bytes, int] = {}
    return [first.setdefault(picture.numpy().tobytes(), n) for n, picture in enumerate(pixels)]


def _features(model: Any, pixels: torch.Tensor, order: list[int]) -> Any:
    distinct = list(dict.fromkeys(order))
    found = model.get_image_features(pixel_values=pixels[distinct], return_dict=True)
    place = {first: n for n, first in enumerate(distinct)}
    found.pooler_output = [found.pooler_output[place[first]] for first in order]
    return found
