"""Precision, recall, F1 and the share of positive answers to yes/no questions.

An unparsable reply counts as negative, or not at all. A
failed sample counts as the wrong answer, so that failures never raise a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from evalkit import statistics
from evalkit.metrics.grouping import Average, check_average, clusters, overall_and_per_group, per_group, split, strata
from evalkit.statistics import Confusion, Difference, Estimate, Ratio
from evalkit.types import Score, Stat, Value


class _YesNoRatio(Value, frozen=True, kw_only=True):
    """A ratio of confusion counts, where `positive` is the positive answer; pooled, or macro over the first of `by`.

    `unparsed` replies count as `negative`, or are `dropped`; a difference of two runs counts them as negative.
    """

    positive: str
    by: tuple[str, ...] = ()
    average: Average = "micro"
    unparsed: Literal["negative", "dropped"] = "negative"

    ratio: ClassVar[Ratio]
    better: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_average(self.average, self.by)

    def needs(self) -> tuple[str, ...]:
        """The names of `by`."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat (pooled, or the mean over the groups of the first `by`), then one per group."""
        if self.unparsed == "dropped":
            scores = [score for score in scores if score.answer is not None or score.error]
        if not scores:
            return []
        overall = self._overall(scores, strata(scores, self.average, self.by))
        return [overall.stat(name, {}, len(scores)), *per_group(name, scores, self.by, self._estimate)]

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base on the same samples in the same order."""
        before, after = ([_cell(score, self.positive) for score in scores] for scores in (base, candidate))
        stratum = strata(base, self.average, self.by)
        return statistics.ratio_difference(
            before, after, self.ratio, clusters=clusters(base), strata=stratum, alpha=alpha
        )

    def _estimate(self, scores: Sequence[Score]) -> Estimate:
        return self._overall(scores, None)

    def _overall(self, scores: Sequence[Score], stratum: list[str] | None) -> Estimate:
        cluster = clusters(scores)
        if cluster is not None:
            cells = [_cell(score, self.positive) for score in scores]
            return statistics.clustered_ratio(cells, self.ratio, clusters=cluster, strata=stratum)
        parts = [scores] if stratum is None else split(scores, self.by[0]).values()
        return statistics.ratio([confusion(part, self.positive) for part in parts], self.ratio)


class Precision(_YesNoRatio, frozen=True, kw_only=True, tag_field="kind", tag="precision"):
    """The share of correct answers among the positive ones: tp / (tp + fp)."""

    ratio = statistics.PRECISION


class Recall(_YesNoRatio, frozen=True, kw_only=True, tag_field="kind", tag="recall"):
    """The share of positive answers among the samples whose gold is positive: tp / (tp + fn)."""

    ratio = statistics.RECALL


class F1(_YesNoRatio, frozen=True, kw_only=True, tag_field="kind", tag="f1"):
    """The harmonic mean of precision and recall."""

    ratio = statistics.F1


class YesRatio(Value, frozen=True, kw_only=True, tag_field="kind", tag="yes_ratio"):
    """The share of samples whose answer is `positive` (POPE's yes ratio), or whose gold answer is (lmms-eval's)."""

    positive: str
    by: tuple[str, ...] = ()
    of: Literal["answers", "golds"] = "answers"

    better: ClassVar[int] = 0

    def needs(self) -> tuple[str, ...]:
        """The names of `by`."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per group; none without scores."""
        return overall_and_per_group(name, scores, self.by, self._estimate)

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base on the same samples in the same order."""
        return statistics.mean_difference(
            self._values(base), self._values(candidate), clusters=clusters(base), alpha=alpha
        )

    def _estimate(self, scores: Sequence[Score]) -> Estimate:
        return statistics.mean(self._values(scores), clusters=clusters(scores))

    def _values(self, scores: Sequence[Score]) -> list[float]:
        return [float((score.target if self.of == "golds" else score.answer) == self.positive) for score in scores]


def confusion(scores: Sequence[Score], positive: str) -> Confusion:
    """The confusion counts of scores; only an answer equal to `positive` is a positive prediction."""
    cells = [0, 0, 0, 0]
    for score in scores:
        cells[_cell(score, positive)] += 1
    return Confusion(*cells)


def _cell(score: Score, positive: str) -> int:
    """The index of the `Confusion` count that a score adds to."""
    truth = score.target == positive
    answer = not truth if score.error else score.answer == positive
    return (0 if answer else 2) if truth else (1 if answer else 3)
