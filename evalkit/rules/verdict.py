"""What a rule says about one reply, and the letters that options go by."""

from __future__ import annotations

from typing import NamedTuple

from evalkit.types import Sample

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Verdict(NamedTuple):
    """The answer a rule reads from a reply (None: it can read none) and what that is worth, in [0, 1]."""

    answer: str | None
    value: float


UNPARSED = Verdict(None, 0.0)


def matching(answer: str | None, sample: Sample) -> Verdict:
    """One point when the answer is one of the sample's gold answers, letter for letter."""
    return UNPARSED if answer is None else Verdict(answer, float(answer in sample.answers))


def letters(sample: Sample) -> str:
    """The letters of a sample's options, "ABCD" for four."""
    return LETTERS[: len(sample.choices)]
