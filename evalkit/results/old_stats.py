"""Stats as evalkit 0.1.0 wrote them, without unit, clusters and interval, completed from what it wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from evalkit.types import Interval, Stat

CLUSTERS = re.compile(r"clusters=(\d+)")
"""The number of clusters in a `method` of 0.1.0; without it every sample was one."""
INTERVALS: Mapping[str, Interval] = {
    "wilson": "wilson",
    "t": "t",
    "stratified-wilson": "stratified-wilson",
    "stratified": "normal",
    "stratified-t": "t",
    "bootstrap": "bootstrap",
}
"""The kind of interval by the first word of a `method` of 0.1.0."""
ERROR = "mean_absolute_error"
"""The only kind of metric of 0.1.0 that is no fraction."""


def upgrade(stat: Stat, task_spec: Mapping[str, Any]) -> Stat:
    """The stat with unit, clusters and interval; unchanged where it has them. `task_spec` is that of its run's record.

    0.1.0 did not write the clusters of some macro means and of perfect precision, recall or F1: there every sample
    counts as one.
    """
    if stat.clusters is not None:
        return stat
    metrics = task_spec.get("metrics")
    spec = metrics.get(stat.metric) if isinstance(metrics, Mapping) else None
    clusters = CLUSTERS.search(stat.method)
    return msgspec.structs.replace(
        stat,
        unit="answer" if isinstance(spec, Mapping) and spec.get("kind") == ERROR else "fraction",
        clusters=int(clusters[1]) if clusters else stat.n,
        interval=INTERVALS.get(stat.method.partition("(")[0]),
    )
