"""Ranks by paired tests: models that a test cannot tell from the leader share its rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.errors import EvalkitError
from evalkit.registry.spec import Reference
from evalkit.results.run import Run
from evalkit.statistics import holm
from evalkit.types import Score, Value

ALPHA = 0.05


class Rank(Value, frozen=True):
    """A place from 1; `shared` when a better model exists that is not separable; `p` against the group's leader."""

    place: int
    shared: bool
    p: float | None = None


def group_scores(run: Run, where: Mapping[str, str]) -> list[Score]:
    """The scores of the samples in a group (`{}`: all). Raises EvalkitError where scores cannot be read."""
    return [s for s in run.scores if all(s.groups.get(name) == value for name, value in where.items())]


def ranks(reference: Reference, runs: Sequence[Run]) -> dict[str, Rank]:
    """Rank by the run's folder, for one column of a table; empty where less than two runs can be compared.

    The best run leads; every run that a paired test (Holm over the runs tested against this leader, alpha 0.05) does
    not tell from it shares its rank. The best of the rest leads the next group, whose rank counts all runs before it.
    Incomplete runs have no rank. Raises EvalkitError for runs of one task on different samples.
    """
    direction = better(reference, runs)
    unranked = [r for r in runs if r.record.complete and r.find(reference) is not None]
    if not direction or len(unranked) < 2:
        return {}
    unranked.sort(key=lambda run: -direction * _value(run, reference))
    rank_by_folder: dict[str, Rank] = {}
    while unranked:
        leader, others = unranked[0], unranked[1:]
        p_values = holm([paired_p(reference, leader, other) for other in others])
        place = 1 + len(rank_by_folder)
        tied = {str(o.folder): Rank(place, True, p) for o, p in zip(others, p_values, strict=True) if p >= ALPHA}
        rank_by_folder |= {str(leader.folder): Rank(place, bool(tied))} | tied
        unranked = [other for other in others if str(other.folder) not in tied]
    return rank_by_folder


def paired_p(reference: Reference, base: Run, candidate: Run) -> float:
    """The two-sided p value of the difference of a cell's metric between two runs on the same samples."""
    before, after = (group_scores(run, reference.where) for run in (base, candidate))
    if [(s.sample_id, s.target) for s in before] != [(s.sample_id, s.target) for s in after]:
        raise EvalkitError(
            f"{base.folder} and {candidate.folder}: the samples or their gold answers differ; "
            "score both with the same task file and data, or leave one out"
        )
    if all((a.value, a.answer) == (b.value, b.answer) for a, b in zip(before, after, strict=True)):
        return 1.0
    metric = base.task.metrics[reference.metric or base.record.scoring.headline]
    return metric.difference(before, after, alpha=ALPHA).p


def better(reference: Reference, runs: Sequence[Run]) -> int:
    """1 where more is better, -1 where less is, 0 where neither is known."""
    for run in runs:
        metric = run.task.metrics.get(reference.metric or run.record.scoring.headline)
        if metric is not None:
            return metric.better
    return 0


def _value(run: Run, reference: Reference) -> float:
    stat = run.find(reference)
    return 0.0 if stat is None else stat.value
