"""Kinds of questions about one picture."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tools.pocket_vlm import scenes
from tools.pocket_vlm.answers import (
    bar_extreme,
    nothing,
    random_color,
    random_pair,
    random_shape,
    solve_above,
    solve_bar,
    solve_color,
    solve_count,
    solve_darker,
    solve_exists,
    solve_front,
    solve_left_of,
    solve_pattern,
    solve_present,
    solve_read,
    solve_series,
    solve_shape,
    solve_where,
    three_shapes,
    two_shapes,
)
from tools.pocket_vlm.kinds import Args, Kind
from tools.pocket_vlm.world import CELLS, COLOR_NAMES, DRAWN_WORDS, NUMBERS, PATTERNS, SHAPES, Scene

YES_NO = ("yes", "no")


def one(sampler: Callable[[Random], Scene]) -> Callable[[Random], list[Scene]]:
    """A sampler of lists with one scene."""
    return lambda rng: [sampler(rng)]


def always(pool: tuple[str, ...]) -> Callable[[Args], tuple[str, ...]]:
    """A pool that does not depend on the question."""
    return lambda args: pool


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
        texts=(
            "What color is the {0}?",
            "What is the color of the {0} in the image?",
            "Which color does the {0} have?",
        ),
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
