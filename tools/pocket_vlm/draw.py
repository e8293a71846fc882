"""Scenes to pixels with Pillow: flat colours, no system fonts, so that the same scene gives the same bytes."""

from __future__ import annotations

import math
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from tools.pocket_vlm.world import COLORS, Scene, Shape, Word

SIZE = 144


def render(scene: Scene, *, size: int = SIZE) -> Image.Image:
    """Draw one scene as a square RGB picture."""
    image = Image.new("RGB", (size, size), scene.paper)
    pen = ImageDraw.Draw(image)
    _pattern(pen, scene, size=size)
    _bars(pen, scene, size=size)
    for shape in scene.shapes:
        _shape(pen, shape, size=size)
    for word in scene.words:
        _word(pen, word, size=size)
    if scene.hidden is not None:
        left, top = (scene.hidden % 2) * size // 2, (scene.hidden // 2) * size // 2
        pen.rectangle((left, top, left + size // 2 - 1, top + size // 2 - 1), fill=(60, 60, 60))
    return image


def word_width(text: str, *, size: float) -> float:
    """Width of a drawn word as a fraction of the picture's width."""
    return _font(round(size * SIZE)).getlength(text.upper()) / SIZE


@cache
def _font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(pixels)


def _pattern(pen: ImageDraw.ImageDraw, scene: Scene, *, size: int) -> None:
    ink = tuple(max(0, value - 75) for value in scene.paper)
    step = size // 12
    if scene.pattern == "striped":
        for top in range(0, size, 2 * step):
            pen.rectangle((0, top, size, top + step - 1), fill=ink)
    elif scene.pattern == "dotted":
        for row in range(0, size, 2 * step):
            for left in range(0, size, 2 * step):
                pen.ellipse((left + 3, row + 3, left + step, row + step), fill=ink)
    elif scene.pattern == "checkered":
        for row in range(6):
            for column in range(row % 2, 6, 2):
                left, top = column * 2 * step, row * 2 * step
                pen.rectangle((left, top, left + 2 * step - 1, top + 2 * step - 1), fill=ink)


def _bars(pen: ImageDraw.ImageDraw, scene: Scene, *, size: int) -> None:
    if not scene.bars:
        return
    width = size / (len(scene.bars) + 0.5)
    floor = size * 0.94
    for place, (color, height) in enumerate(scene.bars):
        left = width * (place + 0.35)
        pen.rectangle((left, floor - height * size * 0.88, left + width * 0.72, floor), fill=COLORS[color])
    pen.line((0, floor, size, floor), fill=(90, 90, 90), width=2)


def _shape(pen: ImageDraw.ImageDraw, shape: Shape, *, size: int) -> None:
    fill = shape.rgb or COLORS[shape.color]
    x, y, half = shape.x * size, shape.y * size, shape.size * size / 2
    box = (x - half, y - half, x + half, y + half)
    if shape.name == "circle":
        pen.ellipse(box, fill=fill)
    elif shape.name == "ring":
        pen.ellipse(box, outline=fill, width=round(half * 0.5))
    elif shape.name == "square":
        side = half * 0.88
        pen.rectangle((x - side, y - side, x + side, y + side), fill=fill)
    elif shape.name == "cross":
        arm = half * 0.34
        pen.rectangle((x - half, y - arm, x + half, y + arm), fill=fill)
        pen.rectangle((x - arm, y - half, x + arm, y + half), fill=fill)
    else:
        pen.polygon(_corners(shape.name, x=x, y=y, half=half), fill=fill)


def _corners(name: str, *, x: float, y: float, half: float) -> list[tuple[float, float]]:
    if name == "triangle":
        return [(x, y - half), (x + half, y + half * 0.85), (x - half, y + half * 0.85)]
    radii = (half * 1.1, half * 0.45)
    angles = [(math.pi * k / 5 - math.pi / 2, radii[k % 2]) for k in range(10)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle, radius in angles]


def _word(pen: ImageDraw.ImageDraw, word: Word, *, size: int) -> None:
    font = _font(round(word.size * size))
    pen.text(
        (word.x * size, word.y * size),
        word.text.upper(),
        fill=COLORS[word.color],
        font=font,
        anchor="mm",
        stroke_width=0.5,
    )
