"""`evalkit explain`: what each rule of a task makes of the same replies, and on which samples it parts from ours."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evalkit.backends.replay import Replay
from evalkit.cli.predictions import translated
from evalkit.cli.printing import headline, print_json, value_text
from evalkit.cli.score import opened, recorded, recorded_settings, runs, summary
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from evalkit.results.run import Run
from evalkit.run.outcome import Outcome
from evalkit.run.progress import Progress
from evalkit.safe_text import printable
from evalkit.types import Score

LONGEST = 120
"""Characters of a reply that an example shows."""


class Parting(msgspec.Struct, frozen=True):
    """One sample that a rule scores differently from the task's default rule."""

    sample: str
    reply: str
    target: str
    default: str | None
    default_value: float
    default_step: str
    answer: str | None
    value: float
    step: str


class Views(msgspec.Struct, frozen=True):
    """The same replies, by sample, under a task's default rule and under all others."""

    ours: Outcome
    others: Mapping[str, Outcome]
    replies: Mapping[str, str]

    @property
    def parted(self) -> dict[str, list[Parting]]:
        """By rule: samples whose value differs from ours."""
        return {name: partings(self.ours.scores, other.scores, self.replies) for name, other in self.others.items()}


def main(options: argparse.Namespace) -> int:
    """Print a line per rule, then examples; exit code 4 where replies are missing."""
    options.rule = options.name = options.judge = ""
    if (options.predictions is None) != (options.task is None) or bool(options.task) == bool(options.results):
        raise EvalkitError("explain needs --task and --predictions together, or folders of runs alone")
    found = [_of_file(options)] if options.task else [_of_run(folder, options) for folder in runs(options.results)]
    if not found:
        raise EvalkitError("there is no run.json below the folders named; run `evalkit run` first")
    if options.json:
        summaries = [_summary(views) for views in found]
        print_json(summaries[0] if options.task else summaries)
    else:
        for number, views in enumerate(found):
            print("\n" if number else "", end="")
            _print(views, options.examples)
    return 4 if any(views.ours.record.scoring.problems for views in found) else 0


def _of_file(options: argparse.Namespace) -> Views:
    task = load.spec(TaskSpec, options.task).reading(options.field)
    with tempfile.TemporaryDirectory() as scratch:
        file = translated(task, options, Path(scratch))
        ours = recorded(task, options, file, out=Path(scratch))
        run = Run.of(ours, task, recorded_settings(options, out=Path(scratch)).places)
        return Views(ours, _others(run), Replay(path=str(file), field=options.field).replies())


def _of_run(folder: Path, options: argparse.Namespace) -> Views:
    run = opened(folder, options)
    ours = run.rescored(run.task, progress=Progress(quiet=True))
    replies = {
        score.sample_id: " | ".join(reply.text for _, reply in run.replies(score.sample_id) if reply)
        for score in ours.scores
    }
    return Views(ours, _others(run), replies)


def _others(run: Run) -> dict[str, Outcome]:
    """What every rule of the task makes of a log; nothing is written."""
    task, progress = run.task, Progress(quiet=True)
    return {name: run.rescored(task.under(name), rule=name, progress=progress) for name in task.opinions}


def partings(ours: Sequence[Score], theirs: Sequence[Score], replies: Mapping[str, str]) -> list[Parting]:
    """Samples whose value differs, in their order."""
    return [
        Parting(
            sample=a.sample_id,
            reply=replies.get(a.sample_id, ""),
            target=a.target,
            default=a.answer,
            default_value=a.value,
            default_step=a.step,
            answer=b.answer,
            value=b.value,
            step=b.step,
        )
        for a, b in zip(ours, theirs, strict=True)
        if a.value != b.value
    ]


def _summary(views: Views) -> dict[str, object]:
    ours, parted = views.ours, views.parted
    rules = [{**summary(o), "differ": [msgspec.to_builtins(p) for p in parted[n]]} for n, o in views.others.items()]
    return {"task": ours.record.task.name, "model": ours.record.model.name, "default": summary(ours), "rules": rules}


def _print(views: Views, examples: int) -> None:
    from tabulate import tabulate

    record, parted = views.ours.record, views.parted
    head = [
        "rule",
        record.scoring.headline,
        "unparsed",
        "parts from default",
        "right only there",
        "right only by default",
    ]
    rows = [_row("default", views.ours, [])] + [_row(name, other, parted[name]) for name, other in views.others.items()]
    print(f"{record.task.name}, {printable(record.model.name)}: {record.scoring.counts.planned} replies\n")
    print(tabulate(rows, head, disable_numparse=True, colalign=("left", *["right"] * 5)))
    for name, found in parted.items():
        for parting in found[:examples]:
            print(f"\n{name} on {parting.sample}, gold {_short(parting.target)}: {_short(parting.reply)!r}")
            print(f"  default reads {_reading(parting.default, parting.default_value, parting.default_step)}")
            print(f"  {name} reads {_reading(parting.answer, parting.value, parting.step)}")


def _reading(answer: str | None, value: float, step: str) -> str:
    """Return the answer with its value and the deciding step, which a sample without a reply lacks."""
    return f"{_short(str(answer))} -> {value:g}" + (f"  ({step})" if step else "")


def _row(name: str, outcome: Outcome, found: list[Parting]) -> list[str]:
    stat = headline(outcome)
    gained = sum(p.value > p.default_value for p in found)
    return [
        name,
        "" if stat is None else value_text(stat, stat.value),
        str(outcome.record.scoring.counts.unparsed),
        str(len(found)),
        str(gained),
        str(len(found) - gained),
    ]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
