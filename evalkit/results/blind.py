"""What the pictures are worth: a model's numbers minus those of its blind run, on the same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from evalkit.metrics import Metric
from evalkit.results.run import Run
from evalkit.types import Score, Stat

BLIND = "+blind"


def with_differences(results: Sequence[Run]) -> list[Run]:
    """The results, and after them one more model for each that has a blind run: their difference, task by task.

    Its intervals are those of paired differences, so they are narrower than the two columns suggest. A task that only
    one of them ran, or that they ran on other samples, has none. Raises EvalkitError where scores cannot be read.
    """
    runs = {(result.record.model.name, result.record.task.name, result.apart): result for result in results}
    pairs = [(sighted, runs.get((f"{model}{BLIND}", task, apart))) for (model, task, apart), sighted in runs.items()]
    made = [_difference(sighted, blind) for sighted, blind in pairs if blind is not None]
    return [*results, *(result for result in made if result is not None)]


def _difference(sighted: Run, blind: Run) -> Run | None:
    scores, base = sighted.scores, blind.scores
    if [s.sample_id for s in scores] != [s.sample_id for s in base]:
        return None
    metrics = sighted.task.metrics
    stats = [_stat(stat, metrics, scores, base) for stat in sighted.stats if stat.metric in metrics]
    run = msgspec.structs.replace(
        sighted.record,
        model=msgspec.structs.replace(
            sighted.record.model,
            name=f"{sighted.record.model.name}-minus-blind",
            title=f"{sighted.title} minus blind",
        ),
        complete=sighted.record.complete and blind.record.complete,
    )
    return sighted.replaced(record=run, stats=stats, derived=True)


def _stat(stat: Stat, metrics: Mapping[str, Metric], scores: Sequence[Score], base: Sequence[Score]) -> Stat:
    kept = [n for n, score in enumerate(scores) if stat.where.items() <= score.groups.items()]
    metric = metrics[stat.metric]
    if stat.where and getattr(metric, "average", "micro") == "macro":  # a group's number is the mean over its samples
        metric = msgspec.structs.replace(metric, average="micro")
    found = metric.difference([base[n] for n in kept], [scores[n] for n in kept])
    return Stat(
        metric=stat.metric,
        where=stat.where,
        value=found.value,
        n=found.n,
        stderr=found.stderr,
        low=found.low,
        high=found.high,
        unit=stat.unit,
        clusters=found.clusters,
        method=found.method,
    )
