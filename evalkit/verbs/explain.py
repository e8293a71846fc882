"""`evalkit explain`: what each rule of a task makes of the same replies, and on which samples it parts from ours."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evalkit import registry, runner
from evalkit.backends.replay import Replay
from evalkit.outcome import Outcome
from evalkit.spec import TaskSpec
from evalkit.types import Score
from evalkit.verbs.imported import translated
from evalkit.verbs.score import recorded, recorded_settings, summary
from evalkit.verbs.tables import headline, percent, print_json

LONGEST = 120
"""Characters of a reply that an example shows."""


class Parting(msgspec.Struct, frozen=True):
    """One sample that a rule scores differently from the task's default rule."""

    sample: str
    reply: str
    target: str
    default: str | None
    default_value: float
    answer: str | None
    value: float


def main(options: argparse.Namespace) -> int:
    """Print a line per rule, then examples; exit code 4 when replies are missing."""
    options.rule = options.name = options.judge = ""
    task = registry.load(TaskSpec, options.task).reading(options.field)
    with tempfile.TemporaryDirectory() as scratch:
        file = translated(task, options, Path(scratch))
        replies = Replay(path=str(file), field=options.field).replies()
        ours = recorded(task, options, file, out=Path(scratch))
        settings = recorded_settings(options, out=Path(scratch))
        others = {
            name: runner.rescore(
                ours.record, task.under(name), msgspec.structs.replace(settings, rule=name), place=ours.folder
            )
            for name in task.opinions
        }
    parted = {name: partings(ours.scores, other.scores, replies) for name, other in others.items()}
    if options.json:
        print_json(_summary(ours, others, parted))
    else:
        _print(ours, others, parted, options.examples)
    return 0 if ours.record.complete else 4


def partings(ours: Sequence[Score], theirs: Sequence[Score], replies: Mapping[str, str]) -> list[Parting]:
    """Samples whose value differs, in their order."""
    return [
        Parting(a.sample_id, replies.get(a.sample_id, ""), a.target, a.answer, a.value, b.answer, b.value)
        for a, b in zip(ours, theirs, strict=True)
        if a.value != b.value
    ]


def _summary(ours: Outcome, others: Mapping[str, Outcome], parted: Mapping[str, list[Parting]]) -> dict[str, object]:
    rules = [{**summary(o), "differ": [msgspec.to_builtins(p) for p in parted.get(n, [])]} for n, o in others.items()]
    return {"task": ours.record.task, "default": summary(ours), "rules": rules}


def _print(ours: Outcome, others: Mapping[str, Outcome], parted: Mapping[str, list[Parting]], examples: int) -> None:
    from tabulate import tabulate

    head = ["rule", ours.record.headline, "unparsed", "parts from default", "right only there", "right only by default"]
    rows = [_row("default", ours, [])] + [_row(name, other, parted[name]) for name, other in others.items()]
    print(f"{ours.record.task}: {ours.record.counts.planned} replies\n")
    print(tabulate(rows, head, disable_numparse=True, colalign=("left", *["right"] * 5)))
    for name, found in parted.items():
        for parting in found[:examples]:
            print(f"\n{name} on {parting.sample}, gold {_short(parting.target)}: {_short(parting.reply)!r}")
            print(f"  default reads {_short(str(parting.default))} -> {parting.default_value:g}")
            print(f"  {name} reads {_short(str(parting.answer))} -> {parting.value:g}")


def _row(name: str, outcome: Outcome, found: list[Parting]) -> list[str]:
    stat = headline(outcome)
    gained = sum(p.value > p.default_value for p in found)
    return [
        name,
        "" if stat is None else percent(stat.value),
        str(outcome.record.counts.unparsed),
        str(len(found)),
        str(gained),
        str(len(found) - gained),
    ]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
