"""How a picture's size decides its crops and its tokens: whole numbers only, so that it can be told without a model.

Facts of the checkpoint's image processor: a picture is enlarged or shrunk to as many 336-pixel crops as its bound
permits, lying down; what stands is turned, treated alike and turned back.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import msgspec

from evalkit.types import Value

CROP = 336  # pixels: the side of what the picture encoder sees
SIDE = 12  # tokens: the side of a crop after 2 x 2 patches became one


class NumCrops(Value, frozen=True, kw_only=True):
    """At most how many crops a picture is cut into: when it is alone, and when the prompt shows several.

    The defaults are the model card's advice ("num_crops=4 for multi-frame, num_crops=16 for single-frame").
    """

    single: Annotated[int, msgspec.Meta(ge=1)] = 16
    multi: Annotated[int, msgspec.Meta(ge=1)] = 4

    def of(self, pictures: int) -> int:
        """The bound for each picture of a prompt that shows this many."""
        return self.single if pictures == 1 else self.multi


class Grid(NamedTuple):
    """Crops of a picture as rows and columns, without the global one."""

    rows: int
    columns: int

    @property
    def tokens(self) -> int:
        """Positions of the picture in the prompt.

        144 per crop (the global one too), one after each row of tokens and one between crops and global crop.
        """
        return (self.rows * self.columns + 1) * SIDE * SIDE + 1 + (self.rows + 1) * SIDE


class Layout(NamedTuple):
    """Where the pixels of a picture go: turned if `transposed`; then `resized` (width, height); then white rows."""

    transposed: bool
    resized: tuple[int, int]
    above: int
    below: int

    @property
    def grid(self) -> Grid:
        """The crops of the picture as it is, turned back."""
        short = (self.above + self.resized[1] + self.below) // CROP
        long = self.resized[0] // CROP
        return Grid(long, short) if self.transposed else Grid(short, long)


def layout(width: int, height: int, num_crops: int) -> Layout:
    """The layout of a picture of `width` x `height` pixels in at most `num_crops` crops.

    A picture can be so thin that its short side comes to nothing: zero pixels, and a grid without crops.
    """
    long, short = max(width, height), min(width, height)
    ratio = long / short
    scale = 1
    # Counted upwards, as the reference does: it stops at the first scale that does not fit, not at the last that does.
    while (scale + 1) * math.ceil((scale + 1) / ratio) <= num_crops:
        scale += 1
    across, down = scale * CROP, int(scale * CROP / ratio)
    missing = math.ceil(down / CROP) * CROP - down
    return Layout(width < height, (across, down), missing // 2, missing - missing // 2)
