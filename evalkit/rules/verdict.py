"""The verdict of a rule on one reply, and the letters of options."""

from __future__ import annotations

from typing import NamedTuple

from evalkit.types import Sample

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Verdict(NamedTuple):
    """The answer that a rule reads from a reply (None: unparsed), its value in [0, 1], and the step that decided.

    The step is a short phrase for readers, such as "announced answer". No code depends on its wording.
    """

    answer: str | None
    value: float
    step: str


def unparsed(step: str) -> Verdict:
    """Return the verdict on a reply that gives no answer, which is worth nothing."""
    return Verdict(None, 0.0, step)


def letter_verdict(letter: str | None, sample: Sample, step: str) -> Verdict:
    """Return the verdict on an option letter: one point if it is a gold letter of the sample."""
    return unparsed(step) if letter is None else Verdict(letter, float(letter in sample.answers), step)


def option_letters(sample: Sample) -> str:
    """Return the letters of a sample's options, "ABCD" for four."""
    return LETTERS[: len(sample.choices)]
