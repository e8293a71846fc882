"""Scores -> stats: every metric of a task file is one of these values, chosen by its `kind`."""

from __future__ import annotations

from typing import TypeAlias

from evalkit.metrics.accuracy import Accuracy
from evalkit.metrics.binary import F1, Precision, Recall, YesRatio
from evalkit.metrics.circular import AllCorrect
from evalkit.metrics.labels import PerLabel
from evalkit.metrics.numeric import MeanAbsoluteError, Within

# Each has `stats(name, scores)`; `needs()`, the names of the groups that it cannot do without; `difference(base,
# candidate)` of two runs; and `better`: 1 where more is better, -1 where less is, 0 where neither is.
Metric: TypeAlias = Accuracy | Precision | Recall | F1 | YesRatio | AllCorrect | MeanAbsoluteError | Within | PerLabel

__all__ = [
    "F1",
    "Accuracy",
    "AllCorrect",
    "MeanAbsoluteError",
    "Metric",
    "PerLabel",
    "Precision",
    "Recall",
    "Within",
    "YesRatio",
]
