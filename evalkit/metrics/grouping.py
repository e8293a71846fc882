"""Stats over all scores and over each of their groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from evalkit.errors import EvalkitError
from evalkit.statistics import Estimate
from evalkit.types import Score, Stat, Unit

Average: TypeAlias = Literal["micro", "macro"]


def split(scores: Sequence[Score], name: str) -> dict[str, list[Score]]:
    """Scores by the value of group `name`, in the order of first appearance. Raises EvalkitError where one has none."""
    parts: dict[str, list[Score]] = {}
    for score in scores:
        if name not in score.groups:
            raise EvalkitError(
                f"sample {score.sample_id!r} has no group {name!r}: add it to columns.groups of the task"
                f" or drop it from the metric (the sample has {', '.join(score.groups) or 'no groups'})"
            )
        parts.setdefault(score.groups[name], []).append(score)
    return parts


def clusters(scores: Sequence[Score]) -> list[str] | None:
    """The cluster of each score; None where no two share one. A score without a cluster is a cluster by itself."""
    names = [f"in {score.cluster}" if score.cluster else f"alone {n}" for n, score in enumerate(scores)]
    return names if len(set(names)) < len(names) else None


def strata(scores: Sequence[Score], average: Average, by: Sequence[str]) -> list[str] | None:
    """The group of each score that a macro mean averages over; None for a micro mean."""
    if average == "micro":
        return None
    split(scores, by[0])  # raises for a sample that lacks the group
    return [score.groups[by[0]] for score in scores]


def per_group(
    metric: str,
    scores: Sequence[Score],
    by: Sequence[str],
    estimate: Callable[[Sequence[Score]], Estimate],
    unit: Unit = "fraction",
) -> list[Stat]:
    """One Stat per value of each group in `by`."""
    return [
        estimate(part).stat(metric, {name: value}, len(part), unit)
        for name in by
        for value, part in split(scores, name).items()
    ]


def overall_and_per_group(
    metric: str,
    scores: Sequence[Score],
    by: Sequence[str],
    estimate: Callable[[Sequence[Score]], Estimate],
    unit: Unit = "fraction",
) -> list[Stat]:
    """The Stat over all scores, then one per value of each group in `by`; none without scores."""
    if not scores:
        return []
    return [estimate(scores).stat(metric, {}, len(scores), unit), *per_group(metric, scores, by, estimate, unit)]


def check_average(average: Average, by: Sequence[str]) -> None:
    """Raise ValueError for a macro mean without a group to average over."""
    if average == "macro" and not by:
        raise ValueError("average: macro needs the group to average over in `by`")
