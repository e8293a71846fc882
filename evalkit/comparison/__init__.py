"""Is the candidate worse? Two runs on the same samples, or a run against published numbers, and a gate over the answer.

Whether the runs can be compared is decided before any statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from pathlib import Path

import msgspec

from evalkit.comparison import comparable, gates, published, runs
from evalkit.comparison.verdict import (
    CORRECTIONS,
    EXIT,
    GATES,
    REASONS,
    Comparison,
    Flip,
    Line,
    Refusal,
    Settings,
    Side,
)
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.metrics import Metric
from evalkit.registry.spec import CardSpec
from evalkit.results.run import Run
from evalkit.types import Score

__all__ = [
    "CORRECTIONS",
    "EXIT",
    "GATES",
    "REASONS",
    "Comparison",
    "Flip",
    "Line",
    "Refusal",
    "Settings",
    "Side",
    "against_card",
    "compare",
    "with_flips",
]


def compare(base: Path, candidate: Path, settings: Settings) -> Comparison:
    """Compare two runs, or two models' folders task by task.

    Raises EvalkitError for a folder that is no run (code 2) or that is damaged (code 4).
    """
    ours, theirs = runs.runs(base), runs.runs(candidate)
    shared = {task: (ours[task], theirs[task]) for task in ours if task in theirs}
    found = [*_missing(ours, theirs)]
    notes = [f"{task}: only the candidate has a run; it is not compared." for task in theirs if task not in ours]
    for one, two in shared.values():
        found += comparable.refusals(one.record, two.record)
        notes += comparable.remarks(one.record, two.record)
    pairs = {task: (one.scores, two.scores) for task, (one, two) in shared.items()}
    for task, (before, after) in pairs.items():
        refusal = comparable.sample_refusal(task, _ids(before), _ids(after))
        found += [] if refusal is None else [refusal]
    refused, allowed = _sorted(found, settings)
    notes += allowed
    lines = [] if refused else [_line(*shared[task], *pairs[task], settings) for task in shared]
    notes += [
        f"{line.task}: the difference counts the same samples in both runs; the two numbers leave out unparsed replies."
        for line in lines
        if not isclose(line.candidate.value - line.base.value, line.difference.value, abs_tol=1e-9)
    ]
    if not shared and not refused:
        raise IncompleteError(f"{base} and {candidate} share no task; run both on the same tasks")
    return _judged(_name(ours), _name(theirs), settings, lines=lines, refusals=refused, notes=notes)


def against_card(card: CardSpec, column: str, candidate: Path, settings: Settings) -> Comparison:
    """Compare a model's runs with a column of published numbers, row by row, each run by itself."""
    if settings.alpha != 0.05:
        raise EvalkitError("published numbers are judged by the runs' own 95 % intervals; leave --alpha at 0.05")
    theirs = runs.runs(candidate)
    numbers = published.printed(card, column)
    asked = {one.row.reference.task for one in numbers}
    found = [r for task, result in theirs.items() if task in asked for r in comparable.alone(result.record)]
    refused, notes = _sorted(found, settings)
    lines = [] if refused else list(published.lines(numbers, column, theirs))
    if not lines and not refused:
        raise EvalkitError(f"no run of the candidate is a row of card {card.name}, column {column}; run its tasks")
    left = [one.label for one in numbers if one.label not in {line.label for line in lines}]
    notes += [f"Not compared, since no run has them: {', '.join(left)}."] if left and lines else []
    notes += ["Published numbers are taken as exact; prompts and data behind them may differ from ours."]
    name = f"{column} as published in {card.name}"
    return _judged(name, _name(theirs), settings, lines=lines, refusals=refused, notes=notes)


def _sorted(found: Sequence[Refusal], settings: Settings) -> tuple[list[Refusal], list[str]]:
    """What is refused, and a note on everything that is allowed."""
    refused = [refusal for refusal in found if refusal.reason not in settings.allow]
    return refused, [f"Allowed although it differs: {r.task}, {r.reason}: {r.text}." for r in found if r not in refused]


def _judged(
    base: str,
    candidate: str,
    settings: Settings,
    *,
    lines: Sequence[Line],
    refusals: Sequence[Refusal],
    notes: Sequence[str],
) -> Comparison:
    done = gates.apply_gate(lines, settings)
    return Comparison(
        base=base,
        candidate=candidate,
        settings=settings,
        verdict="not comparable" if refusals else gates.worst_verdict(done),
        lines=done,
        refusals=tuple(refusals),
        notes=tuple(dict.fromkeys(notes)),
    )


def _missing(ours: Mapping[str, Run], theirs: Mapping[str, Run]) -> list[Refusal]:
    text = "the candidate has no run of it"
    return [Refusal(task, "tasks", text) for task in ours if task not in theirs]


def _line(one: Run, two: Run, base: Sequence[Score], candidate: Sequence[Score], settings: Settings) -> Line:
    run = two.record
    before, after = runs.aligned(base, candidate)
    if not before:
        raise IncompleteError(f"task {run.task.name}: the two runs share no sample; run the candidate on the same data")
    metric = runs.metric_of(two, run.scoring.headline)
    counted = list(zip(runs.counted(metric, before), runs.counted(metric, after), strict=True))
    return Line(
        task=run.task.name,
        metric=run.scoring.headline,
        label=run.task.name,
        base=_side(one, before, run.scoring.headline, metric),
        candidate=_side(two, after, run.scoring.headline, metric),
        difference=metric.difference(before, after, alpha=settings.alpha),
        better=metric.better,
        percent=metric.stats(run.scoring.headline, after)[0].percent,
        same=[_said(score) for score in before] == [_said(score) for score in after],
        turned_wrong=tuple(b.sample_id for a, b in counted if b.value < a.value),
        turned_right=tuple(a.sample_id for a, b in counted if b.value > a.value),
    )


def _side(result: Run, scores: Sequence[Score], headline: str, metric: Metric) -> Side:
    """The run's number over the samples that both runs have."""
    stats = metric.stats(headline, scores)
    if not stats:
        raise IncompleteError(f"{result.folder}: no sample counts under {headline}; there is nothing to compare")
    stat = stats[0]
    return Side(title=result.title, folder=str(result.folder), value=stat.value, n=stat.n, low=stat.low, high=stat.high)


def with_flips(comparison: Comparison, flips: Mapping[str, Sequence[Flip]]) -> Comparison:
    """The same, with samples to look at beside the lines of their tasks."""
    lines = tuple(msgspec.structs.replace(line, flips=tuple(flips.get(line.task, ()))) for line in comparison.lines)
    return msgspec.structs.replace(comparison, lines=lines)


def _said(score: Score) -> tuple[str | None, float, str | None]:
    return score.answer, score.value, score.error


def _ids(scores: Sequence[Score]) -> list[str]:
    return [score.sample_id for score in scores]


def _name(results: Mapping[str, Run]) -> str:
    return next(iter(results.values())).title
