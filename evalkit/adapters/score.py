"""Scores from verdicts, and replies that are certainly wrong."""

from __future__ import annotations

from evalkit.rules import Verdict
from evalkit.rules.verdict import LETTERS
from evalkit.types import Sample, Score

WRONG_REPLY = "¤"
"""A reply that no gold answer equals, contains or is contained in."""


def to_score(sample: Sample, verdict: Verdict, *, target: str, options: int = 0) -> Score:
    """Return the Score of a sample whose only reply got this verdict."""
    return Score(
        sample_id=sample.id,
        target=target,
        answer=verdict.answer,
        value=verdict.value,
        groups=sample.groups,
        options=options,
        step=verdict.step,
    )


def wrong_letters(gold: str, count: int) -> list[str]:
    """Return a list of one letter, the first of `count` option letters that is not the gold one; empty if all are."""
    return next(([letter] for letter in LETTERS[:count] if letter != gold), [])
