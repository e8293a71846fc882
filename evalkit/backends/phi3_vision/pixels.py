"""An image as the crops that the encoder takes, equal to the reference's to the last bit of a float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from evalkit.backends.phi3_vision.geometry import CROP_SIZE, CropGrid, hd_layout
from evalkit.errors import ModelError

if TYPE_CHECKING:
    import PIL.Image
    import torch

# CLIP's, which the checkpoint's preprocessor_config.json repeats.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class ImageCrops(NamedTuple):
    """The crops of an image, float32 [1 + rows * columns, 3, 336, 336].

    The global crop is first; then come the sub crops of `grid`, row by row.
    """

    crops: torch.Tensor
    grid: CropGrid


def crop_image(image: PIL.Image.Image, num_crops: int) -> ImageCrops:
    """The crops of an RGB image, with at most `num_crops` sub crops. Raises ModelError for one too thin."""
    import torch

    padded = hd_transform(image, num_crops)
    grid = CropGrid(padded.height // CROP_SIZE, padded.width // CROP_SIZE)
    pixels = normalize_pixels(padded)
    # The global crop is made of the normalized image with its white border, not of the image itself.
    whole = torch.nn.functional.interpolate(pixels[None], size=(CROP_SIZE, CROP_SIZE), mode="bicubic")
    crops = torch.empty(1 + grid.rows * grid.columns, 3, CROP_SIZE, CROP_SIZE)
    crops[0] = whole[0]
    sub = pixels.reshape(3, grid.rows, CROP_SIZE, grid.columns, CROP_SIZE).permute(1, 3, 0, 2, 4)
    # Copied once, straight into place: an image of 16 crops is 23 MB.
    crops[1:].view(sub.shape).copy_(sub)
    return ImageCrops(crops, grid)


def hd_transform(image: PIL.Image.Image, num_crops: int) -> PIL.Image.Image:
    """The image scaled and padded with white, so that both sides are multiples of 336 pixels."""
    from PIL import Image

    layout = hd_layout(image.width, image.height, num_crops)
    if layout.resized[1] == 0:
        raise ModelError(
            f"a picture of {image.width} x {image.height} pixels is too thin for {num_crops} crops; "
            "raise backend.num_crops or crop the picture"
        )
    landscape = image.transpose(Image.Transpose.TRANSPOSE) if layout.transposed else image
    resized = landscape.resize(layout.resized, Image.Resampling.BILINEAR)
    padded = Image.new("RGB", (resized.width, layout.above + resized.height + layout.below), (255, 255, 255))
    padded.paste(resized, (0, layout.above))
    return padded.transpose(Image.Transpose.TRANSPOSE) if layout.transposed else padded


def normalize_pixels(image: PIL.Image.Image) -> torch.Tensor:
    """Pixels [3, height, width] in float32, normalized with CLIP's mean and standard deviation."""
    import numpy
    import torch

    values = (
        torch.from_numpy(numpy.array(image)).permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format)
    )
    mean, deviation = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, STD))
    # Divided one after the other: folding the three steps into one factor would round differently.
    return values.div_(255).sub_(mean).div_(deviation)
