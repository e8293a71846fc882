"""Kinds of questions about one picture."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tools.pocket_vlm import scenes
from tools.pocket_vlm.kinds import Args, Kind, Pictures
from tools.pocket_vlm.world import CELLS, COLOR_NAMES, DRAWN_WORDS, NUMBERS, PATTERNS, SHAPES, Scene, Shape, cell_of

YES_NO = ("yes", "no")


def one(sampler: Callable[[Random], Scene]) -> Callable[[Random], list[Scene]]:
    """A sampler of lists with one scene."""
    return lambda rng: [sampler(rng)]


def always(pool: tuple[str, ...]) -> Callable[[Args], tuple[str, ...]]:
    """A pool that does not depend on the question."""
    return lambda args: pool


def only(scene: Scene, **wanted: str) -> Shape | None:
    """The one shape with these attributes, None if there are none or several."""
    found = [shape for shape in scene.shapes if all(getattr(shape, key) == value for key, value in wanted.items())]
    return found[0] if len(found) == 1 else None


def random_shape(rng: Random, pictures: Pictures | None) -> Args:
    """The name of a shape, mostly one that is in the (first) picture when there is one."""
    if pictures and pictures[0].shapes:
        return (rng.choice(pictures[0].shapes).name,)
    return (rng.choice(SHAPES),)


def random_color(rng: Random, pictures: Pictures | None) -> Args:
    """The name of a colour, of the first picture when there is one."""
    if pictures and pictures[0].shapes:
        return (rng.choice(pictures[0].shapes).color,)
    return (rng.choice(COLOR_NAMES),)


def random_pair(rng: Random, pictures: Pictures | None) -> Args:
    """Colour and shape: one of the picture, a near miss, or anything."""
    choice = rng.random()
    if pictures and pictures[0].shapes and choice < 0.85:
        shape, other = rng.choice(pictures[0].shapes), rng.choice(pictures[0].shapes)
        if choice < 0.4:
            return (shape.color, shape.name)
        if choice < 0.55:
            return (other.color, shape.name)
        return (shape.color, rng.choice(SHAPES)) if choice < 0.7 else (rng.choice(COLOR_NAMES), shape.name)
    return (rng.choice(COLOR_NAMES), rng.choice(SHAPES))


def two_shapes(rng: Random, pictures: Pictures | None) -> Args:
    """Two different shape names, of the picture when there is one."""
    names = sorted({shape.name for shape in pictures[0].shapes}) if pictures else list(SHAPES)
    if len(names) < 2:
        names = list(SHAPES)
    return tuple(rng.sample(names, 2))


def nothing(rng: Random, pictures: Pictures | None) -> Args:
    """For questions without a variable part."""
    return ()


def bar_extreme(rng: Random, pictures: Pictures | None) -> Args:
    """Tallest or shortest."""
    return (rng.choice(("tallest", "shortest")),)


def solve_exists(pictures: Pictures, args: Args) -> str:
    color, name = args
    return "yes" if any(s.color == color and s.name == name for s in pictures[0].shapes) else "no"


def solve_color(pictures: Pictures, args: Args) -> str | None:
    shape = only(pictures[0], name=args[0])
    return shape.color if shape else None


def solve_shape(pictures: Pictures, args: Args) -> str | None:
    shape = only(pictures[0], color=args[0])
    return shape.name if shape else None


def solve_count(pictures: Pictures, args: Args) -> str | None:
    count = len(pictures[0].shapes)
    return str(count) if count else None


def solve_where(pictures: Pictures, args: Args) -> str | None:
    shape = only(pictures[0], name=args[0])
    return cell_of(shape) if shape else None


def solve_left_of(pictures: Pictures, args: Args) -> str | None:
    first, second = (only(pictures[0], name=name) for name in args)
    if first is None or second is None or abs(first.x - second.x) < 0.2:
        return None
    return "yes" if first.x < second.x else "no"


def solve_above(pictures: Pictures, args: Args) -> str | None:
    first, second = (only(pictures[0], name=name) for name in args)
    if first is None or second is None or abs(first.y - second.y) < 0.2:
        return None
    return "yes" if first.y < second.y else "no"


def solve_read(pictures: Pictures, args: Args) -> str | None:
    return pictures[0].words[0].text if pictures[0].words else None


def solve_bar(pictures: Pictures, args: Args) -> str | None:
    if not pictures[0].bars:
        return None
    pick = max if args[0] == "tallest" else min
    return pick(pictures[0].bars, key=lambda bar: bar[1])[0]


def solve_pattern(pictures: Pictures, args: Args) -> str:
    return pictures[0].pattern


def solve_front(pictures: Pictures, args: Args) -> str | None:
    back, front = pictures[0].shapes if len(pictures[0].shapes) == 2 else (None, None)
    return front.name if front and {back.name, front.name} == set(args) else None


def solve_darker(pictures: Pictures, args: Args) -> str | None:
    shapes = pictures[0].shapes
    if len(shapes) != 2 or not all(shape.rgb for shape in shapes):
        return None
    left, right = sorted(shapes, key=lambda shape: shape.x)
    return "the left one" if left.rgb < right.rgb else "the right one"


def solve_series(pictures: Pictures, args: Args) -> str | None:
    shapes = pictures[0].shapes
    return shapes[1].name if len(shapes) == 3 else None


def solve_present(pictures: Pictures, args: Args) -> str | None:
    found = {shape.name for shape in pictures[0].shapes} & set(args)
    return "None" if not found else found.pop() if len(found) == 1 else None


def three_shapes(rng: Random, pictures: Pictures | None) -> Args:
    """Candidates for the question which of them is in the picture."""
    return tuple(rng.sample(SHAPES, 3))


ARTICLE = "Is there a {0} {1} in the image?"
KINDS = (
    Kind(
        name="exists",
        sample=one(scenes.few_objects),
        propose=random_pair,
        solve=solve_exists,
        pool=always(YES_NO),
        texts=(ARTICLE,),
        short=("{0} {1}?",),
        fixed_options=True,
    ),
    Kind(
        name="color",
        sample=one(scenes.few_objects),
        propose=random_shape,
        solve=solve_color,
        pool=always(COLOR_NAMES),
        texts=("What color is the {0}?", "What is the color of the {0} in the image?", "Which color does the {0} have?"),
        short=("{0} color?",),
    ),
    Kind(
        name="shape",
        sample=one(scenes.few_objects),
        propose=random_color,
        solve=solve_shape,
        pool=always(SHAPES),
        texts=("What shape is the {0} object?", "Which shape is {0}?", "What is the shape of the {0} object?"),
        short=("{0} shape?",),
    ),
    Kind(
        name="count",
        sample=one(scenes.objects),
        propose=nothing,
        solve=solve_count,
        pool=always(NUMBERS),
        texts=("How many shapes are there in the image?", "How many objects are in the picture?"),
        short=("how many?",),
    ),
    Kind(
        name="where",
        sample=one(scenes.few_objects),
        propose=random_shape,
        solve=solve_where,
        pool=always(CELLS),
        texts=("Where is the {0} in the image?", "In which part of the picture is the {0}?"),
        short=("{0} where?",),
    ),
    Kind(
        name="left_of",
        sample=one(scenes.few_objects),
        propose=two_shapes,
        solve=solve_left_of,
        pool=always(YES_NO),
        texts=("Is the {0} to the left of the {1}?",),
        short=("{0} left of {1}?",),
        fixed_options=True,
    ),
    Kind(
        name="above",
        sample=one(scenes.few_objects),
        propose=two_shapes,
        solve=solve_above,
        pool=always(YES_NO),
        texts=("Is the {0} above the {1}?",),
        short=("{0} above {1}?",),
        fixed_options=True,
    ),
    Kind(
        name="read",
        sample=one(scenes.sign),
        propose=nothing,
        solve=solve_read,
        pool=always(DRAWN_WORDS),
        texts=(
            "what word is written in the picture?",
            "what does the sign say?",
            "which word is shown?",
            "what word can be read here?",
        ),
        short=("word?",),
    ),
    Kind(
        name="bar",
        sample=one(scenes.chart),
        propose=bar_extreme,
        solve=solve_bar,
        pool=always(COLOR_NAMES),
        texts=("What color is the {0} bar?", "Which color has the {0} bar in the chart?"),
        short=("{0} bar?",),
    ),
    Kind(
        name="pattern",
        sample=one(scenes.styled),
        propose=nothing,
        solve=solve_pattern,
        pool=always(PATTERNS),
        texts=("What is the background of the picture like?", "Which style does the background have?"),
        short=("background?",),
    ),
    Kind(
        name="front",
        sample=one(scenes.overlap),
        propose=two_shapes,
        solve=solve_front,
        pool=lambda args: args,
        texts=("Which shape is in front of the other one?", "Which shape is closer to the viewer?"),
        short=("front?",),
    ),
    Kind(
        name="darker",
        sample=one(scenes.greys),
        propose=nothing,
        solve=solve_darker,
        pool=always(("the left one", "the right one")),
        texts=("Which of the two shapes is darker?", "Which shape has the darker surface?"),
        short=("darker?",),
        fixed_options=True,
    ),
    Kind(
        name="series",
        sample=one(scenes.series),
        propose=nothing,
        solve=solve_series,
        pool=always(SHAPES),
        texts=("Which shape comes next in the row?", "Which shape continues the series?"),
        short=("next?",),
    ),
    Kind(
        name="present",
        sample=one(scenes.few_objects),
        propose=three_shapes,
        solve=solve_present,
        pool=lambda args: (*args, "None"),
        texts=("Which of these shapes is in the picture?",),
    ),
)
