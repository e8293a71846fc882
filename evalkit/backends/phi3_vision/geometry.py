"""The HD transform in whole numbers: an image's size decides its crops and its tokens, without a model.

Facts of the checkpoint's image processor (`calc_hd_transform_size`, `HD_transform`): an image is scaled in landscape
format to as many crops of 336 pixels as its bound permits; a portrait is transposed, treated alike and transposed back.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import msgspec

from evalkit.types import Value

CROP_SIZE = 336  # pixels: the side of the image encoder's input
TOKENS_PER_SIDE = 12  # the side of a crop in tokens: 24 patches, of which 2 x 2 become one token


class NumCrops(Value, frozen=True, kw_only=True):
    """The largest number of crops of an image: when it is alone, and when the prompt has several.

    The defaults are the model card's advice ("num_crops=4 for multi-frame, num_crops=16 for single-frame").
    """

    single: Annotated[int, msgspec.Meta(ge=1)] = 16
    multi: Annotated[int, msgspec.Meta(ge=1)] = 4

    def of(self, images: int) -> int:
        """The bound for each image of a prompt with this many images."""
        return self.single if images == 1 else self.multi


class CropGrid(NamedTuple):
    """Rows and columns of an image's sub crops; the global crop is not among them."""

    rows: int
    columns: int

    @property
    def tokens(self) -> int:
        """Number of image placeholders in the prompt (`num_img_tokens` of the reference).

        144 for each crop and the global one, a separator after each row of tokens, and one between sub crops and global
        crop.
        """
        crops = self.rows * self.columns + 1
        return crops * TOKENS_PER_SIDE * TOKENS_PER_SIDE + 1 + (self.rows + 1) * TOKENS_PER_SIDE


class HdLayout(NamedTuple):
    """The HD transform of an image, in pixels.

    In this order: transposed if `transposed`; scaled to `resized` (width, height); padded by `above` and `below` rows.
    """

    transposed: bool
    resized: tuple[int, int]
    above: int
    below: int

    @property
    def grid(self) -> CropGrid:
        """The sub crops after the image is transposed back."""
        short = (self.above + self.resized[1] + self.below) // CROP_SIZE
        long = self.resized[0] // CROP_SIZE
        return CropGrid(long, short) if self.transposed else CropGrid(short, long)


def hd_layout(width: int, height: int, num_crops: int) -> HdLayout:
    """The HD transform of an image of `width` x `height` pixels in at most `num_crops` sub crops.

    The short side of a very thin image comes to 0 pixels, and its grid has no crops.
    """
    long, short = max(width, height), min(width, height)
    ratio = long / short
    scale = 1
    # Counted upwards, as the reference does: it stops at the first scale that does not fit, not at the last that does.
    while (scale + 1) * math.ceil((scale + 1) / ratio) <= num_crops:
        scale += 1
    across, down = scale * CROP_SIZE, int(scale * CROP_SIZE / ratio)
    padding = math.ceil(down / CROP_SIZE) * CROP_SIZE - down
    return HdLayout(width < height, (across, down), padding // 2, padding - padding // 2)
