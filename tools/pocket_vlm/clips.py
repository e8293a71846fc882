"""Short films of the synthetic world: one shape that moves, or several shapes one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from tools.pocket_vlm import scenes
from tools.pocket_vlm.kinds import Question
from tools.pocket_vlm.world import COLOR_NAMES, DIRECTIONS, SHAPES, Scene, Shape

STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
FILLERS = (
    "welcome to this short film",
    "please watch the picture closely",
    "here is the next part",
    "this is a quiet moment",
    "thank you for watching",
    "something is going on here",
    "look at the shape",
)
SECRET = "the secret word is {}"
WORDING = {
    "direction": ("In which direction does the shape move?",),
    "moving_color": ("What color is the moving shape?",),
    "moving_shape": ("Which shape is moving in the video?",),
    "first_shape": ("Which shape is shown first in the video?",),
    "last_shape": ("Which shape is shown last in the video?",),
    "first_color": ("What color is the shape that is shown first?",),
    "last_color": ("What color is the shape that is shown last?",),
    "secret": ("What is the secret word in the video?",),
}
POOLS = {
    "direction": DIRECTIONS,
    "moving_color": COLOR_NAMES,
    "moving_shape": SHAPES,
    "first_shape": SHAPES,
    "last_shape": SHAPES,
    "first_color": COLOR_NAMES,
    "last_color": COLOR_NAMES,
    "secret": COLOR_NAMES,
}


@dataclass(frozen=True)
class Clip:
    """A film: shapes shown one after the other; a single shape moves in `direction`."""

    shapes: tuple[Shape, ...]
    paper: tuple[int, int, int]
    direction: str = ""
    span: float = 0.34
    subtitles: tuple[str, ...] = ()
    secret: str = ""

    def at(self, moment: float) -> Scene:
        """The picture at a moment between 0 and 1."""
        place = min(len(self.shapes) - 1, int(moment * len(self.shapes)))
        shape = self.shapes[place]
        if self.direction:
            dx, dy = STEPS[self.direction]
            way = (2 * moment - 1) * self.span
            shape = replace(shape, x=shape.x + dx * way, y=shape.y + dy * way)
        return Scene(shapes=(shape,), paper=self.paper)

    def facts(self) -> dict[str, str]:
        """Right answers by kind of question."""
        first, last = self.shapes[0], self.shapes[-1]
        spoken = {"secret": self.secret} if self.secret else {}
        if self.direction:
            return {"direction": self.direction, "moving_color": first.color, "moving_shape": first.name, **spoken}
        shown = {"first_shape": first.name, "last_shape": last.name}
        return {**shown, "first_color": first.color, "last_color": last.color, **spoken}


def mover(rng: Random, *, direction: str, color: str, name: str) -> Clip:
    """One shape on its way across the picture."""
    x, y, across = rng.uniform(0.46, 0.54), rng.uniform(0.46, 0.54), rng.uniform(0.18, 0.82)
    x, y = (x, across) if direction in ("left", "right") else (across, y)
    shape = replace(scenes.shape_at(rng, cell=4, name=name, color=color), x=x, y=y)
    return Clip(shapes=(shape,), direction=direction, paper=scenes.paper(rng), span=rng.uniform(0.25, 0.34))


def sequence(rng: Random, *, names: list[str], colors: list[str]) -> Clip:
    """Still shapes one after the other."""
    shapes = (scenes.shape_at(rng, cell=rng.randrange(9), name=n, color=c) for n, c in zip(names, colors, strict=True))
    return Clip(shapes=tuple(shapes), paper=scenes.paper(rng))


def narrated(clip: Clip, *, secret: str, rng: Random, lines: int) -> Clip:
    """The same film with subtitles, one of which tells the secret word."""
    spoken = [rng.choice(FILLERS) for _ in range(lines)]
    spoken[rng.randrange(lines)] = SECRET.format(secret)
    return replace(clip, subtitles=tuple(spoken), secret=secret)


def random_clip(rng: Random) -> Clip:
    """Any film, for training."""
    if rng.random() < 0.65:
        clip = mover(rng, direction=rng.choice(DIRECTIONS), color=rng.choice(COLOR_NAMES), name=rng.choice(SHAPES))
    else:
        count = rng.randint(2, 3)
        clip = sequence(rng, names=rng.sample(SHAPES, count), colors=rng.sample(COLOR_NAMES, count))
    if rng.random() < 0.5:
        clip = narrated(clip, secret=rng.choice(COLOR_NAMES), rng=rng, lines=rng.randint(1, 5))
    return clip


def clip_questions(clip: Clip, *, rng: Random) -> Iterator[Question]:
    """Every question that the film answers, in random order."""
    facts = list(clip.facts().items())
    rng.shuffle(facts)
    for kind, answer in facts:
        yield Question(kind=kind, args=(), text=rng.choice(WORDING[kind]), answer=answer, pool=POOLS[kind])


def frames(clip: Clip, *, count: int, offset: float) -> list[Scene]:
    """`count` scenes at even distances; `offset` in 0..1 tells where within each stretch."""
    return [clip.at((place + offset) / count) for place in range(count)]
