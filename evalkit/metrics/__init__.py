"""Metrics turn scores into stats; a metric's `kind` in a task file names one of these classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

from evalkit.metrics.accuracy import Accuracy
from evalkit.metrics.binary import F1, Precision, Recall, YesRatio
from evalkit.metrics.circular import AllCorrect
from evalkit.metrics.labels import PerLabel
from evalkit.metrics.numeric import MeanAbsoluteError, Within
from evalkit.statistics import Difference
from evalkit.types import Score, Stat

Metric: TypeAlias = Accuracy | Precision | Recall | F1 | YesRatio | AllCorrect | MeanAbsoluteError | Within | PerLabel


class MetricProtocol(Protocol):
    """The contract of every member of `Metric`.

    The union says which kinds a task file may name; YAML decodes into it. This says what the rest of the package may
    ask of any of them. A new metric is one file and its name in the union.
    """

    better: ClassVar[int]
    """1 where more is better, -1 where less is, 0 where neither is."""

    def needs(self) -> tuple[str, ...]:
        """The names of the groups that every score must have; empty where the metric reads none."""
        ...

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The Stat called `name` over all scores (`where` is `{}`), then one for each group that is reported.

        `scores` are those of a run, in the order of its samples; without any, or where none counts, the list is empty.
        `value` and limits are fractions, or in the unit of the answers, as `Stat.unit` says.
        Raises EvalkitError for a score that lacks a group of `needs()`, or whose target the metric cannot read.
        """
        ...

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base in the unit of the stats, with limits at 1 - alpha and a two-sided p value.

        Both hold the same samples in the same order, at least one. Raises EvalkitError as `stats` does, and where no
        sample can be counted in both.
        """
        ...


if TYPE_CHECKING:

    def _every_metric(member: Metric) -> MetricProtocol:
        return member


__all__ = [
    "F1",
    "Accuracy",
    "AllCorrect",
    "MeanAbsoluteError",
    "Metric",
    "MetricProtocol",
    "PerLabel",
    "Precision",
    "Recall",
    "Within",
    "YesRatio",
]
