"""Ranks that a difference must earn: models that a paired test cannot tell from the leader share its rank."""

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


class Scores:
    """The scores of runs, each read once when a rank first needs them."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[Score, ...]] = {}

    def of(self, result: Run, where: Mapping[str, str]) -> list[Score]:
        """The scores of a group (`{}`: all). Raises EvalkitError when the file cannot be read."""
        wanted = where.items()
        return [s for s in result.scores if all(s.groups.get(name) == value for name, value in wanted)]


def ranks(reference: Reference, results: Sequence[Run], scores: Scores) -> dict[str, Rank]:
    """Rank by the run's folder, for one column of a table; empty where less than two runs can be compared.

    The best run leads; every run that a paired test (Holm over the runs tested against this leader, alpha 0.05) does
    not tell from it shares its rank. The best of the rest leads the next group, whose rank counts all runs before it.
    Incomplete runs have no rank. Raises EvalkitError for runs of one task on different samples.
    """
    direction = better(reference, results)
    left = [r for r in results if r.record.complete and r.find(reference) is not None]
    if not direction or len(left) < 2:
        return {}
    left.sort(key=lambda result: -direction * _value(result, reference))
    found: dict[str, Rank] = {}
    while left:
        leader, others = left[0], left[1:]
        p = holm([paired(reference, leader, other, scores) for other in others])
        place = 1 + len(found)
        tied = {str(o.folder): Rank(place, True, q) for o, q in zip(others, p, strict=True) if q >= ALPHA}
        found |= {str(leader.folder): Rank(place, bool(tied))} | tied
        left = [other for other in others if str(other.folder) not in tied]
    return found


def paired(reference: Reference, base: Run, candidate: Run, scores: Scores) -> float:
    """The two-sided p value of the difference of a cell's metric between two runs on the same samples."""
    before, after = (scores.of(result, reference.where) for result in (base, candidate))
    if [(s.sample_id, s.target) for s in before] != [(s.sample_id, s.target) for s in after]:
        raise EvalkitError(
            f"{base.folder} and {candidate.folder}: the samples or their gold answers differ; "
            "score both with the same task file and data, or leave one out"
        )
    if all((a.value, a.answer) == (b.value, b.answer) for a, b in zip(before, after, strict=True)):
        return 1.0
    metric = base.task.metrics[reference.metric or base.record.scoring.headline]
    return metric.difference(before, after, alpha=ALPHA).p


def better(reference: Reference, results: Sequence[Run]) -> int:
    """1 where more is better, -1 where less is, 0 where neither can be said."""
    for result in results:
        metric = result.task.metrics.get(reference.metric or result.record.scoring.headline)
        if metric is not None:
            return metric.better
    return 0


def _value(result: Run, reference: Reference) -> float:
    stat = result.find(reference)
    return 0.0 if stat is None else stat.value
