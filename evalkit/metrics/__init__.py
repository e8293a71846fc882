"""Scores -> stats: every metric of a task file is one of these values, chosen by its `kind`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from evalkit.metrics.accuracy import Accuracy
from evalkit.metrics.binary import F1, Precision, Recall, YesRatio
from evalkit.metrics.circular import AllCorrect
from evalkit.metrics.numeric import MeanAbsoluteError, Within

Metric: TypeAlias = Accuracy | Precision | Recall | F1 | YesRatio | AllCorrect | MeanAbsoluteError | Within

__all__ = [
    "F1",
    "Accuracy",
    "AllCorrect",
    "MeanAbsoluteError",
    "Metric",
    "Precision",
    "Recall",
    "Within",
    "YesRatio",
    "unknown_groups",
]


def unknown_groups(metric: Metric, groups: Iterable[str]) -> tuple[str, ...]:
    """Names that the metric groups by and that `groups` (the columns' group names) lacks; empty when all is well."""
    known = set(groups)
    return tuple(name for name in metric.groups_needed if name not in known)
