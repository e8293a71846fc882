"""A picture as the crops that the encoder sees, equal to the reference's to the last bit of a float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from evalkit.backends.phi3_vision.geometry import CROP, Grid, layout
from evalkit.errors import ModelError

if TYPE_CHECKING:
    import PIL.Image
    import torch

# CLIP's, which the checkpoint's preprocessor_config.json repeats.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class Picture(NamedTuple):
    """`crops`, float32 [1 + rows * columns, 3, 336, 336], the whole picture first, and the `grid` of the others."""

    crops: torch.Tensor
    grid: Grid


def picture(image: PIL.Image.Image, num_crops: int) -> Picture:
    """The crops of an RGB picture. Raises ModelError for a picture too thin to be shown."""
    import torch

    padded = arrange(image, num_crops)
    grid = Grid(padded.height // CROP, padded.width // CROP)
    pixels = normalised(padded)
    # The global crop is made of the normalised picture with its white border, not of the picture itself.
    whole = torch.nn.functional.interpolate(pixels[None], size=(CROP, CROP), mode="bicubic")
    crops = torch.empty(1 + grid.rows * grid.columns, 3, CROP, CROP)
    crops[0] = whole[0]
    parts = pixels.reshape(3, grid.rows, CROP, grid.columns, CROP).permute(1, 3, 0, 2, 4)
    # One copy straight to its place: a picture of 16 crops is 23 MB.
    crops[1:].view(parts.shape).copy_(parts)
    return Picture(crops, grid)


def arrange(image: PIL.Image.Image, num_crops: int) -> PIL.Image.Image:
    """The picture scaled to its crops and filled up with white; both sides are multiples of 336 pixels."""
    from PIL import Image

    place = layout(image.width, image.height, num_crops)
    if place.resized[1] == 0:
        raise ModelError(
            f"a picture of {image.width} x {image.height} pixels is too thin for {num_crops} crops; "
            "raise backend.num_crops or crop the picture"
        )
    lying = image.transpose(Image.Transpose.TRANSPOSE) if place.transposed else image
    resized = lying.resize(place.resized, Image.Resampling.BILINEAR)
    padded = Image.new("RGB", (resized.width, place.above + resized.height + place.below), (255, 255, 255))
    padded.paste(resized, (0, place.above))
    return padded.transpose(Image.Transpose.TRANSPOSE) if place.transposed else padded


def normalised(image: PIL.Image.Image) -> torch.Tensor:
    """Pixels [3, height, width] with CLIP's mean and deviation."""
    import numpy
    import torch

    values = (
        torch.from_numpy(numpy.array(image)).permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format)
    )
    mean, deviation = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, STD))
    # Divided one after the other: folding the three steps into one factor would round differently.
    return values.div_(255).sub_(mean).div_(deviation)
