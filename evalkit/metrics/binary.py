"""Precision, recall, F1 and the share of positive answers on yes/no questions.

The adapter's rule has already decided what an unclear reply says; what it left undecided counts as negative. A failed
sample counts as the wrong answer, so that failures never flatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from evalkit import statistics
from evalkit.metrics.grouping import Average, check_average, per_group, split
from evalkit.statistics import Confusion, Estimate, Ratio
from evalkit.types import Score, Stat, Value


class _Confused(Value, frozen=True, kw_only=True):
    positive: str
    by: tuple[str, ...] = ()
    average: Average = "micro"

    ratio: ClassVar[Ratio]

    def __post_init__(self) -> None:
        check_average(self.average, self.by)

    def needs(self) -> tuple[str, ...]:
        """Group names that every score must have."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat (pooled, or the mean over the groups of the first `by`), then one per group."""
        if not scores:
            return []
        parts = split(scores, self.by[0]).values() if self.average == "macro" else [scores]
        overall = statistics.ratio([confusion(part, self.positive) for part in parts], self.ratio)
        return [overall.stat(name, {}, len(scores)), *per_group(name, scores, self.by, self._estimate)]

    def _estimate(self, scores: Sequence[Score]) -> Estimate:
        return statistics.ratio([confusion(scores, self.positive)], self.ratio)


class Precision(_Confused, frozen=True, kw_only=True, tag_field="kind", tag="precision"):
    """Right among the predicted positives."""

    ratio = statistics.PRECISION


class Recall(_Confused, frozen=True, kw_only=True, tag_field="kind", tag="recall"):
    """Found among the true positives."""

    ratio = statistics.RECALL


class F1(_Confused, frozen=True, kw_only=True, tag_field="kind", tag="f1"):
    """Harmonic mean of precision and recall."""

    ratio = statistics.F1


class YesRatio(Value, frozen=True, kw_only=True, tag_field="kind", tag="yes_ratio"):
    """Share of samples answered with `positive` (POPE's yes ratio: of predictions, not of labels)."""

    positive: str
    by: tuple[str, ...] = ()

    def needs(self) -> tuple[str, ...]:
        """Group names that every score must have."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per group; none without scores."""
        if not scores:
            return []
        return [
            self._estimate(scores).stat(name, {}, len(scores)),
            *per_group(name, scores, self.by, self._estimate),
        ]

    def _estimate(self, scores: Sequence[Score]) -> Estimate:
        return statistics.proportion(sum(score.answer == self.positive for score in scores), len(scores))


def confusion(scores: Sequence[Score], positive: str) -> Confusion:
    """Counts of answers against targets; only an answer equal to `positive` is a positive prediction."""
    cells = [0, 0, 0, 0]
    for score in scores:
        truth = score.target == positive
        said = not truth if score.error else score.answer == positive
        cells[(0 if said else 2) if truth else (1 if said else 3)] += 1
    return Confusion(*cells)
