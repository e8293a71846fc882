"""Very short questions about the parts of a picture or film. They cost a few tokens and teach the steps of the way:
which letter stands where, which bar is taller, what is where in which picture of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from random import Random

from tools.pocket_vlm.kinds import ask
from tools.pocket_vlm.packing import Block
from tools.pocket_vlm.single import KINDS
from tools.pocket_vlm.world import Scene

SINGLE = {kind.name: kind for kind in KINDS}
PARTS = ("count", "color", "shape", "where", "exists", "exists")


def about_one(scene: Scene, *, rng: Random) -> list[Block]:
    """Letters of a word, bars of a chart."""
    return [*_spelling(scene), *_bars(scene, rng=rng)]


def _spelling(scene: Scene) -> Iterator[Block]:
    letters = scene.words[0].text if scene.words else ""
    for place, letter in enumerate(letters, start=1):
        yield Block(f"letter {place}?", letter, "short letter")


def _bars(scene: Scene, *, rng: Random) -> Iterator[Block]:
    for place, (color, _) in enumerate(scene.bars, start=1):
        yield Block(f"bar {place}?", color, "short bar place")
    pairs = list(combinations(scene.bars, 2))
    for first, second in (rng.sample(pair, 2) for pair in pairs):
        yield Block(f"{first[0]} {second[0]} tallest?", max(first, second, key=lambda bar: bar[1])[0], "short taller")


def about_each(drawn: Sequence[Scene], *, rng: Random, most: int = 4) -> list[Block]:
    """The contents of some of the pictures, each named by its marker; the first and the last are always among them."""
    last = len(drawn) - 1
    between = rng.sample(range(1, last), min(most - 2, max(0, last - 1)))
    blocks = []
    for place in sorted({0, last, *between}):
        scene = drawn[place]
        for name in PARTS:
            question = (
                ask(SINGLE[name], [scene], rng=rng, short=True) if scene.shapes and scene.hidden is None else None
            )
            if question:
                blocks.append(Block(f"<image {place + 1}> {question.text}", question.answer, f"each {name}"))
    return blocks
