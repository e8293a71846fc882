"""Answers read off one picture, and the variable parts that a question may have."""

from __future__ import annotations

from random import Random

from tools.pocket_vlm.kinds import Args, Pictures
from tools.pocket_vlm.world import COLOR_NAMES, SHAPES, Scene, Shape, cell_of


def only(scene: Scene, **wanted: str) -> Shape | None:
    """The one shape with these attributes, None if there are none or several."""
    matches = [shape for shape in scene.shapes if all(getattr(shape, key) == value for key, value in wanted.items())]
    return matches[0] if len(matches) == 1 else None


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
    shapes = pictures[0].shapes  # the one in front is drawn last
    return shapes[1].name if len(shapes) == 2 and {shape.name for shape in shapes} == set(args) else None


def solve_darker(pictures: Pictures, args: Args) -> str | None:
    shapes = pictures[0].shapes
    inks = [shape.rgb for shape in sorted(shapes, key=lambda shape: shape.x) if shape.rgb]
    if not len(shapes) == len(inks) == 2:
        return None
    return "the left one" if inks[0] < inks[1] else "the right one"


def solve_series(pictures: Pictures, args: Args) -> str | None:
    shapes = pictures[0].shapes
    return shapes[1].name if len(shapes) == 3 else None


def solve_present(pictures: Pictures, args: Args) -> str | None:
    present = {shape.name for shape in pictures[0].shapes} & set(args)
    return "None" if not present else present.pop() if len(present) == 1 else None


def three_shapes(rng: Random, pictures: Pictures | None) -> Args:
    """Candidates for the question which of them is in the picture."""
    return tuple(rng.sample(SHAPES, 3))
