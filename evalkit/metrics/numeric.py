"""Metrics over numbers: how far off on average, and how often near enough."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import Literal

from evalkit.metrics.grouping import per_group
from evalkit.statistics import Estimate, mean, proportion
from evalkit.types import EvalkitError, Score, Stat, Value


class MeanAbsoluteError(Value, frozen=True, kw_only=True, tag_field="kind", tag="mean_absolute_error"):
    """Mean of |answer - target| in the unit of the answers: not a fraction, and lower is better.

    unparsed: the error charged to a reply without a number and to a failed sample, or `skip` to leave it out of mean
    and `n`; there is no default, because both choices change the number.
    """

    unparsed: float | Literal["skip"]
    by: tuple[str, ...] = ()

    def needs(self) -> tuple[str, ...]:
        """Group names that every score must have."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per group; none for a group in which nothing is left to count."""
        kept = [score for score in scores if self.unparsed != "skip" or _answer(score) is not None]
        if not kept:
            return []
        return [self._estimate(kept).stat(name, {}, len(kept)), *per_group(name, kept, self.by, self._estimate)]

    def _estimate(self, scores: Sequence[Score]) -> Estimate:
        return mean([self._off(score) for score in scores], high=inf)

    def _off(self, score: Score) -> float:
        answer = _answer(score)
        if answer is None:
            return float(self.unparsed)
        return abs(answer - _target(score))


class Within(Value, frozen=True, kw_only=True, tag_field="kind", tag="within"):
    """Share of answers at most `tolerance` times |target| away from the target; a reply without a number is wrong."""

    tolerance: float = 0.05
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
        return proportion(sum(self._near(score) for score in scores), len(scores))

    def _near(self, score: Score) -> bool:
        answer = _answer(score)
        if answer is None:
            return False
        target = _target(score)
        return abs(answer - target) <= self.tolerance * abs(target)


def _answer(score: Score) -> float | None:
    return None if score.error or score.answer is None else _number(score.answer)


def _target(score: Score) -> float:
    number = _number(score.target)
    if number is None:
        raise EvalkitError(f"sample {score.sample_id!r}: the target {score.target!r} is no number: use another metric")
    return number


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
