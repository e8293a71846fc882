"""Metrics over numbers: the mean absolute error, and the share of answers within a tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import ClassVar, Literal

from evalkit.errors import EvalkitError
from evalkit.metrics.grouping import clusters, overall_and_per_group
from evalkit.statistics import Difference, Estimate, mean, mean_difference
from evalkit.types import Score, Stat, Value


class MeanAbsoluteError(Value, frozen=True, kw_only=True, tag_field="kind", tag="mean_absolute_error"):
    """The mean of |answer - target| in the unit of the answers: not a fraction, and lower is better.

    unparsed: the error of a reply without a number and of a failed sample, or `skip` to leave them out of mean and
    `n`; there is no default, because either choice changes the number.
    """

    unparsed: float | Literal["skip"]
    by: tuple[str, ...] = ()

    better: ClassVar[int] = -1

    def needs(self) -> tuple[str, ...]:
        """The names of `by`."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per group; none for a group in which nothing is left to count."""
        counted = [score for score in scores if self.unparsed != "skip" or _answer(score) is not None]
        return overall_and_per_group(name, counted, self.by, self._estimate, unit="answer")

    def _estimate(self, scores: Sequence[Score]) -> Estimate:
        return mean([self._error(score) for score in scores], high=inf, clusters=clusters(scores))

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base on the same samples in the same order; with `skip`, on those that both answered."""
        pairs = list(zip(base, candidate, strict=True))
        if self.unparsed == "skip":
            pairs = [pair for pair in pairs if all(_answer(score) is not None for score in pair)]
        if not pairs:
            raise EvalkitError("no sample has a number in both runs; give unparsed replies an error instead of `skip`")
        before, after = ([self._error(pair[side]) for pair in pairs] for side in (0, 1))
        return mean_difference(before, after, clusters=clusters([pair[0] for pair in pairs]), alpha=alpha)

    def _error(self, score: Score) -> float:
        answer = _answer(score)
        if answer is None:
            return float(self.unparsed)
        return abs(answer - _target(score))


class Within(Value, frozen=True, kw_only=True, tag_field="kind", tag="within"):
    """The share of answers within `tolerance` times |target| of the target; a reply without a number is wrong."""

    tolerance: float = 0.05
    by: tuple[str, ...] = ()

    better: ClassVar[int] = 1

    def needs(self) -> tuple[str, ...]:
        """The names of `by`."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per group; none without scores."""
        return overall_and_per_group(name, scores, self.by, self._estimate)

    def _estimate(self, scores: Sequence[Score]) -> Estimate:
        return mean(self._values(scores), clusters=clusters(scores))

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base on the same samples in the same order."""
        return mean_difference(self._values(base), self._values(candidate), clusters=clusters(base), alpha=alpha)

    def _values(self, scores: Sequence[Score]) -> list[float]:
        return [float(self._within(score)) for score in scores]

    def _within(self, score: Score) -> bool:
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
