"""Random scenes. Every sampler takes its own random.Random; attributes are uniform so that no answer is favoured."""

from __future__ import annotations

from random import Random

from tools.pocket_vlm.draw import word_width
from tools.pocket_vlm.world import COLOR_NAMES, DRAWN_WORDS, PATTERNS, SHAPES, Scene, Shape, Word

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORD_COLORS = ("red", "green", "blue", "purple", "black")


def paper(rng: Random) -> tuple[int, int, int]:
    """A light, nearly white background."""
    return rng.randint(232, 255), rng.randint(232, 255), rng.randint(232, 255)


def place(rng: Random, *, cell: int) -> tuple[float, float]:
    """A point near the middle of a cell of the three-by-three grid."""
    return (cell % 3 + 0.5) / 3 + rng.uniform(-0.035, 0.035), (cell // 3 + 0.5) / 3 + rng.uniform(-0.035, 0.035)


def shape_at(rng: Random, *, cell: int, name: str | None = None, color: str | None = None) -> Shape:
    """A shape in a given cell; name and colour are drawn where not given."""
    x, y = place(rng, cell=cell)
    name, color = name or rng.choice(SHAPES), color or rng.choice(COLOR_NAMES)
    return Shape(name=name, color=color, x=x, y=y, size=rng.uniform(0.22, 0.3))


def objects(rng: Random, *, low: int = 1, high: int = 6) -> Scene:
    """Between `low` and `high` shapes in distinct cells, no two alike in both name and colour."""
    pairs = [(name, color) for name in SHAPES for color in COLOR_NAMES]
    count = rng.randint(low, high)
    cells = rng.sample(range(9), count)
    chosen = rng.sample(pairs, count)
    shapes = (
        shape_at(rng, cell=cell, name=name, color=color) for cell, (name, color) in zip(cells, chosen, strict=True)
    )
    return Scene(shapes=tuple(shapes), paper=paper(rng))


def few_objects(rng: Random) -> Scene:
    """A scene for questions about one or two shapes."""
    return objects(rng, low=2, high=5)


def single(rng: Random) -> Scene:
    """One shape somewhere, at times on a patterned background."""
    return Scene(shapes=(shape_at(rng, cell=rng.randrange(9)),), paper=paper(rng))


def styled(rng: Random) -> Scene:
    """One or two shapes on a patterned background."""
    cells = rng.sample(range(9), rng.randint(1, 2))
    shapes = tuple(shape_at(rng, cell=cell) for cell in cells)
    return Scene(shapes=shapes, pattern=rng.choice(PATTERNS), paper=paper(rng))


def word_at(rng: Random, *, text: str, y: float) -> Word:
    """A word that fits into the picture at height `y`."""
    size = rng.uniform(0.25, 0.3)
    width = word_width(text, size=size)
    if width > 0.94:
        size, width = size * 0.94 / width, 0.94
    slack = (1 - width) / 2 - 0.02
    return Word(text=text, color=rng.choice(WORD_COLORS), x=0.5 + rng.uniform(-slack, slack), y=y, size=size)


def sign(rng: Random, *, text: str | None = None) -> Scene:
    """One word, half of the time with a shape above or below it."""
    y = rng.uniform(0.18, 0.82)
    shapes: tuple[Shape, ...] = ()
    if rng.random() < 0.5 and not 0.4 < y < 0.6:
        row = 2 if y < 0.5 else 0
        shapes = (shape_at(rng, cell=row * 3 + rng.randrange(3)),)
    return Scene(shapes=shapes, words=(word_at(rng, text=text or rng.choice(DRAWN_WORDS), y=y),), paper=paper(rng))


def letters(rng: Random) -> Scene:
    """Like `sign`, with a string of random letters: reading cannot fall back on a list of words."""
    text = "".join(rng.choice(LETTERS) for _ in range(rng.randint(2, 5)))
    return Scene(words=(word_at(rng, text=text, y=rng.uniform(0.18, 0.82)),), paper=paper(rng))


def chart(rng: Random) -> Scene:
    """Three or four bars, all of different colours and clearly different heights."""
    count = rng.randint(3, 4)
    levels = rng.sample(range(7), count)
    colors = rng.sample(COLOR_NAMES, count)
    bars = tuple(
        (color, 0.16 + level * 0.13 + rng.uniform(0, 0.03)) for color, level in zip(colors, levels, strict=True)
    )
    return Scene(bars=bars, paper=paper(rng))


def overlap(rng: Random) -> Scene:
    """Two large shapes of different name and colour; the second one painted lies in front."""
    names, colors = rng.sample(SHAPES, 2), rng.sample(COLOR_NAMES, 2)
    x, y = rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.65)
    dx, dy = rng.choice(((0.11, 0.09), (-0.11, 0.09), (0.11, -0.09), (-0.11, -0.09)))
    spots = ((x - dx, y - dy), (x + dx, y + dy))
    shapes = (
        Shape(name=name, color=color, x=spot[0], y=spot[1], size=rng.uniform(0.42, 0.5))
        for name, color, spot in zip(names, colors, spots, strict=True)
    )
    return Scene(shapes=tuple(shapes), paper=paper(rng))


def greys(rng: Random) -> Scene:
    """Two shapes side by side in clearly different greys."""
    levels = [rng.randint(30, 90), rng.randint(130, 190)]
    rng.shuffle(levels)
    name = rng.choice(SHAPES)
    shapes = tuple(
        Shape(name=name, color="gray", x=x, y=rng.uniform(0.4, 0.6), size=rng.uniform(0.3, 0.38), rgb=(level,) * 3)
        for x, level in zip((0.27, 0.73), levels, strict=True)
    )
    return Scene(shapes=shapes, paper=paper(rng))


def series(rng: Random) -> Scene:
    """Three shapes in a row, alternating A B A, and an empty place for the fourth."""
    first, second = rng.sample(SHAPES, 2)
    color = rng.choice(COLOR_NAMES)
    y = rng.uniform(0.3, 0.7)
    shapes = tuple(
        Shape(name=name, color=color, x=x, y=y, size=0.21)
        for name, x in zip((first, second, first), (0.13, 0.38, 0.63), strict=True)
    )
    return Scene(shapes=shapes, paper=paper(rng))
