"""Compare the runs of two models task by task: the difference of each headline on the same samples, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose

from evalkit.comparison import comparable, gates, runs
from evalkit.comparison.values import Comparison, GateSettings, Line, Refusal, Side
from evalkit.errors import IncompleteError
from evalkit.metrics import Metric
from evalkit.results.run import Run
from evalkit.types import Score


def compare_runs(base: Mapping[str, Run], candidate: Mapping[str, Run], settings: GateSettings) -> Comparison:
    """Compare the runs of a base and of a candidate, both by task.

    Raises IncompleteError for a damaged run, and where no task is in both.
    """
    pairs = {task: (base[task], candidate[task]) for task in base if task in candidate}
    refusals = [Refusal(task, "tasks", "the candidate has no run of it") for task in base if task not in candidate]
    notes = [f"{task}: only the candidate has a run; it is not compared." for task in candidate if task not in base]
    for before, after in pairs.values():
        refusals += comparable.refusals(before.record, after.record)
        notes += comparable.notes(before.record, after.record)
    for task, pair in pairs.items():
        refusals += comparable.sample_refusals(task, *([score.sample_id for score in run.scores] for run in pair))
    refused, allowed = comparable.split_allowed(refusals, settings.allow)
    lines = [] if refused else [_line(*pair, settings) for pair in pairs.values()]
    if not pairs and not refused:
        raise IncompleteError("base and candidate share no task; run both on the same tasks")
    return gates.conclude(
        next(iter(base.values())).title,
        next(iter(candidate.values())).title,
        settings,
        lines=lines,
        refusals=refused,
        notes=[*notes, *allowed, *_dropped(lines)],
    )


def _dropped(lines: Sequence[Line]) -> list[str]:
    """A note on each line whose difference is not the candidate's number minus the base's."""
    return [
        f"{line.task}: the difference counts the same samples in both runs; the two numbers leave out unparsed replies."
        for line in lines
        if not isclose(line.candidate.value - line.base.value, line.difference.value, abs_tol=1e-9)
    ]


def _line(base: Run, candidate: Run, settings: GateSettings) -> Line:
    task, headline = candidate.record.task.name, candidate.record.scoring.headline
    before, after = runs.aligned(base.scores, candidate.scores)
    if not before:
        raise IncompleteError(f"task {task}: the two runs share no sample; run the candidate on the same data")
    metric = runs.metric_of(candidate, headline)
    counted = list(zip(runs.counted(metric, before), runs.counted(metric, after), strict=True))
    return Line(
        task=task,
        metric=headline,
        label=task,
        base=_side(base, before, headline, metric),
        candidate=_side(candidate, after, headline, metric),
        difference=metric.difference(before, after, alpha=settings.alpha),
        better=metric.better,
        percent=metric.stats(headline, after)[0].percent,
        same=all(
            (a.answer, a.value, a.error) == (b.answer, b.value, b.error) for a, b in zip(before, after, strict=True)
        ),
        turned_wrong=tuple(b.sample_id for a, b in counted if b.value < a.value),
        turned_right=tuple(a.sample_id for a, b in counted if b.value > a.value),
    )


def _side(run: Run, scores: Sequence[Score], headline: str, metric: Metric) -> Side:
    """The run's number over the samples that both runs have."""
    stats = metric.stats(headline, scores)
    if not stats:
        raise IncompleteError(f"{run.folder}: no sample counts under {headline}; there is nothing to compare")
    stat = stats[0]
    return Side(title=run.title, folder=str(run.folder), value=stat.value, n=stat.n, low=stat.low, high=stat.high)
