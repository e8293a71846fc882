"""The worth of the pictures: a model's numbers minus those of its blind run, on the same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from evalkit.metrics import Metric
from evalkit.results.run import Run
from evalkit.types import Score, Stat

BLIND = "+blind"


def with_differences(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, and after them the difference of each run that has a blind one to that, as a run of its own.

    Its intervals are those of paired differences, so they are narrower than the two columns suggest. A task that only
    one of them ran, or that they ran on other samples, has none. Raises EvalkitError where scores cannot be read.
    """
    runs_by_key = {(run.record.model.name, run.record.task.name, run.results_folder): run for run in runs}
    pairs = [
        (sighted, runs_by_key.get((f"{model}{BLIND}", task, folder)))
        for (model, task, folder), sighted in runs_by_key.items()
    ]
    differences = [_difference(sighted, blind) for sighted, blind in pairs if blind is not None]
    return [*runs, *(difference for difference in differences if difference is not None)]


def _difference(sighted: Run, blind: Run) -> Run | None:
    scores, base = sighted.scores, blind.scores
    if [s.sample_id for s in scores] != [s.sample_id for s in base]:
        return None
    metrics = sighted.task.metrics
    stats = [_stat(stat, metrics, scores, base) for stat in sighted.stats if stat.metric in metrics]
    record = msgspec.structs.replace(
        sighted.record,
        model=msgspec.structs.replace(
            sighted.record.model,
            name=f"{sighted.record.model.name}-minus-blind",
            title=f"{sighted.title} minus blind",
        ),
        complete=sighted.record.complete and blind.record.complete,
    )
    return sighted.replaced(record=record, stats=stats, derived=True)


def _stat(stat: Stat, metrics: Mapping[str, Metric], scores: Sequence[Score], base: Sequence[Score]) -> Stat:
    positions = [n for n, score in enumerate(scores) if stat.where.items() <= score.groups.items()]
    metric = metrics[stat.metric]
    if stat.where and getattr(metric, "average", "micro") == "macro":  # a group's number is the mean over its samples
        metric = msgspec.structs.replace(metric, average="micro")
    estimate = metric.difference([base[n] for n in positions], [scores[n] for n in positions])
    return Stat(
        metric=stat.metric,
        where=stat.where,
        value=estimate.value,
        n=estimate.n,
        stderr=estimate.stderr,
        low=estimate.low,
        high=estimate.high,
        unit=stat.unit,
        clusters=estimate.clusters,
        method=estimate.method,
    )
