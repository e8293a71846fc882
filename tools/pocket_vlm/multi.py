"""Kinds of questions that need two, three or four pictures."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tools.pocket_vlm import scenes
from tools.pocket_vlm.answers import nothing, only, random_pair
from tools.pocket_vlm.kinds import Args, Kind, Pictures
from tools.pocket_vlm.single import always
from tools.pocket_vlm.world import CELLS, COLOR_NAMES, PATTERNS, SHAPES, Scene, Shape, cell_of

ORDINALS = ("first", "second", "third", "fourth")
TWO = ("the first image", "the second image")
LATER = ("the second image", "the third image")
FOUR = tuple(f"the {ordinal} image" for ordinal in ORDINALS)
STEP = 0.3


def two_counts(rng: Random) -> list[Scene]:
    """Two scenes whose numbers of shapes differ by two or more."""
    low = rng.randint(1, 4)
    counts = [low, rng.randint(low + 2, 6)]
    rng.shuffle(counts)
    return [scenes.objects(rng, low=count, high=count) for count in counts]


def two_views(rng: Random) -> list[Scene]:
    """One shape that has moved sideways or up and down between two pictures."""
    shape = scenes.shape_at(rng, cell=4)
    axis, sign = rng.choice("xy"), rng.choice((-1, 1))
    across = rng.uniform(0.2, 0.8)
    start = {"x": across, "y": across, axis: 0.5 - sign * STEP}
    end = {**start, axis: 0.5 + sign * STEP * rng.uniform(0.2, 1)}
    background = scenes.paper(rng)
    return [Scene(shapes=(replace(shape, x=spot["x"], y=spot["y"]),), paper=background) for spot in (start, end)]


def reference_and_two(rng: Random) -> list[Scene]:
    """A shape, then two candidates of which one shows the same shape in the same colour elsewhere."""
    reference = scenes.shape_at(rng, cell=rng.randrange(9))
    same = scenes.shape_at(rng, cell=rng.randrange(9), name=reference.name, color=reference.color)
    name = rng.choice([name for name in SHAPES if name != reference.name])
    color = rng.choice([color for color in COLOR_NAMES if color != reference.color])
    candidates = [same, scenes.shape_at(rng, cell=rng.randrange(9), name=name, color=color)]
    rng.shuffle(candidates)
    return [Scene(shapes=(shape,), paper=scenes.paper(rng)) for shape in (reference, *candidates)]


def styles(rng: Random) -> list[Scene]:
    """A patterned picture, then two others of which one has the same pattern."""
    same, other = rng.sample(PATTERNS, 2)
    candidates = [same, other]
    rng.shuffle(candidates)
    return [replace(scenes.styled(rng), pattern=pattern) for pattern in (same, *candidates)]


def pieces(rng: Random) -> list[Scene]:
    """A large shape with one quarter hidden, then two candidates for the whole that differ in colour."""
    name = rng.choice(SHAPES[:4])
    right, wrong = rng.sample(COLOR_NAMES, 2)
    background = scenes.paper(rng)
    quarter = rng.randrange(4)
    whole = Shape(name=name, color=right, x=0.5, y=0.5, size=rng.uniform(0.7, 0.85))
    x, y = 0.5 + (0.5 if quarter % 2 else -0.5), 0.5 + (0.5 if quarter > 1 else -0.5)
    cut = [replace(whole, color=color, x=1 - x, y=1 - y, size=whole.size * 2) for color in (right, wrong)]
    rng.shuffle(cut)
    first = Scene(shapes=(whole,), paper=background, hidden=quarter)
    return [first, *(Scene(shapes=(shape,), paper=background) for shape in cut)]


def four_with_odd(rng: Random) -> list[Scene]:
    """Four pictures, three of the same shape and colour and one that differs in both."""
    usual, odd = rng.sample(SHAPES, 2)
    usual_color, odd_color = rng.sample(COLOR_NAMES, 2)
    place = rng.randrange(4)
    kinds = [(odd, odd_color) if number == place else (usual, usual_color) for number in range(4)]
    background = scenes.paper(rng)
    return [
        Scene(shapes=(scenes.shape_at(rng, cell=rng.randrange(9), name=name, color=color),), paper=background)
        for name, color in kinds
    ]


def reference_and_scene(rng: Random) -> list[Scene]:
    """One black shape, then a scene in which the same shape occurs once."""
    scene = scenes.few_objects(rng)
    name = rng.choice(scene.shapes).name
    reference = scenes.shape_at(rng, cell=4, name=name, color="black")
    return [Scene(shapes=(reference,), paper=scenes.paper(rng)), scene]


def some_scenes(rng: Random, *, count: int) -> list[Scene]:
    """Independent scenes with one to three shapes."""
    return [scenes.objects(rng, low=1, high=3) for _ in range(count)]


def solve_more(pictures: Pictures, args: Args) -> str | None:
    if len(pictures) != 2:
        return None
    first, second = (len(scene.shapes) for scene in pictures)
    return None if abs(first - second) < 2 else TWO[second > first]


def solve_moved(pictures: Pictures, args: Args) -> str | None:
    (start,), (end,) = (scene.shapes for scene in pictures)
    dx, dy = end.x - start.x, end.y - start.y
    if abs(dx) > abs(dy):
        return "right" if dx > 0 else "left"
    return "down" if dy > 0 else "up"


def solve_similar(pictures: Pictures, args: Args) -> str | None:
    reference, second = pictures[0].shapes[0], pictures[1].shapes[0]
    return LATER[reference.name != second.name]


def solve_style(pictures: Pictures, args: Args) -> str | None:
    return LATER[pictures[0].pattern != pictures[1].pattern]


def solve_piece(pictures: Pictures, args: Args) -> str | None:
    return LATER[pictures[0].shapes[0].color != pictures[1].shapes[0].color]


def solve_odd(pictures: Pictures, args: Args) -> str | None:
    names = [scene.shapes[0].name for scene in pictures]
    return FOUR[next(place for place, name in enumerate(names) if names.count(name) == 1)]


def solve_match_color(pictures: Pictures, args: Args) -> str | None:
    shape = only(pictures[1], name=pictures[0].shapes[0].name)
    return shape.color if shape else None


def solve_match_where(pictures: Pictures, args: Args) -> str | None:
    shape = only(pictures[1], name=pictures[0].shapes[0].name)
    return cell_of(shape) if shape else None


def solve_which(pictures: Pictures, args: Args) -> str | None:
    color, name = args
    hits = [place for place, scene in enumerate(pictures) if only(scene, color=color, name=name)]
    return FOUR[hits[0]] if len(hits) == 1 else None


def random_pair_of_any(rng: Random, pictures: Pictures | None) -> Args:
    """Colour and shape, mostly of one of the pictures."""
    return random_pair(rng, [rng.choice(pictures)] if pictures else None)


MORE = "Which image has more shapes?"
KINDS = (
    Kind("more", two_counts, nothing, solve_more, always(TWO), (MORE,), ("more?",), True),
    Kind(
        "moved",
        two_views,
        nothing,
        solve_moved,
        always(("left", "right", "up", "down")),
        ("In which direction did the shape move from the first to the second image?",),
        ("moved?",),
    ),
    Kind(
        "similar",
        reference_and_two,
        nothing,
        solve_similar,
        always(LATER),
        ("Which image shows the same thing as the first image?",),
        ("same?",),
        True,
    ),
    Kind(
        "style",
        styles,
        nothing,
        solve_style,
        always(LATER),
        ("Which image has the same background style as the first image?",),
        ("same style?",),
        True,
    ),
    Kind(
        "piece",
        pieces,
        nothing,
        solve_piece,
        always(LATER),
        ("Which image is the missing part of the first image?",),
        ("missing?",),
        True,
    ),
    Kind(
        "odd",
        four_with_odd,
        nothing,
        solve_odd,
        always(FOUR),
        ("Which image differs from the three others?",),
        ("different?",),
        True,
    ),
    Kind(
        "match_color",
        reference_and_scene,
        nothing,
        solve_match_color,
        always(COLOR_NAMES),
        ("What color has the shape of the first image in the second image?",),
        ("match color?",),
    ),
    Kind(
        "match_where",
        reference_and_scene,
        nothing,
        solve_match_where,
        always(CELLS),
        ("Where in the second image is the shape of the first image?",),
        ("match where?",),
    ),
    Kind(
        "which",
        lambda rng: some_scenes(rng, count=3),
        random_pair_of_any,
        solve_which,
        lambda args: FOUR[:3],
        ("Which picture shows a {0} {1}?", "In which picture is there a {0} {1}?"),
        ("which {0} {1}?",),
        True,
    ),
)
