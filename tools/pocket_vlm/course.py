"""The mixture of the lessons: what is drawn how often, and what is asked about it."""

from __future__ import annotations

from tools.pocket_vlm import scenes

OBJECT_KINDS = ("exists", "exists", "color", "shape", "count", *["where"] * 4, "left_of", "left_of", "above", "above")
OBJECT_KINDS = (*OBJECT_KINDS, "present", "present")
OPEN_KINDS = ("exists", "color", "shape", "count", "read", "where", "bar", "pattern", "left_of", "above")
FRAMES = 16
# weight, sampler, kinds of questions about it
COURSE = (
    (6.0, scenes.few_objects, OBJECT_KINDS),
    (1.5, scenes.objects, (*OBJECT_KINDS, *["count"] * 6)),
    (6.0, scenes.sign, ("read",)),
    (1.0, scenes.letters, ("read",)),
    (4.0, scenes.chart, ("bar",)),
    (0.6, scenes.styled, ("pattern", "exists", "color")),
    (0.6, scenes.overlap, ("front", "exists", "color")),
    (0.3, scenes.greys, ("darker",)),
    (0.3, scenes.series, ("series",)),
)
BLIND = 0.03
