"""Tables that verbs print on stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evalkit.registry.spec import CardSpec
from evalkit.run.outcome import Outcome
from evalkit.safe_text import printable
from evalkit.types import Stat


def print_summary(outcomes: Sequence[Outcome]) -> None:
    """One line per run: its headline with a 95 % interval, and how many replies could not be used."""
    from tabulate import tabulate

    if not outcomes:
        return
    head = ["model", "task", "score", "95 % interval", "n", "unparsed", "cut off", "errors", "calls", "seconds"]
    rows = [_summary(outcome) for outcome in outcomes]
    align = ("left", "left", *["right"] * 8)
    print(tabulate(rows, head, tablefmt="simple", disable_numparse=True, colalign=align))
    marked = [o for o in outcomes if not o.record.complete]
    if marked:
        print("\n* incomplete: samples are missing, failed or left out by --limit; not a result to publish")


def _summary(outcome: Outcome) -> list[str]:
    record, counts = outcome.record, outcome.record.scoring.counts
    stat = headline(outcome)
    mark = "" if record.complete else "*"
    return [
        printable(record.model.name),
        record.task.name,
        mark if stat is None else f"{value_text(stat, stat.value)}{mark}",
        "" if stat is None else _limits(stat),
        str(0 if stat is None else stat.n),
        str(counts.unparsed),
        str(counts.truncated),
        str(counts.errors),
        str(outcome.calls),
        f"{outcome.seconds:.1f}",
    ]


def headline(outcome: Outcome) -> Stat | None:
    """The Stat that stands for the task: its headline metric over all samples."""
    return next((s for s in outcome.stats if s.metric == outcome.record.scoring.headline and not s.where), None)


def value_text(stat: Stat, value: float) -> str:
    """A value in the unit of `stat` as the tables print it: percent with one decimal, or four significant digits."""
    return f"{100 * value:.1f}" if stat.percent else f"{value:.4g}"


def _limits(stat: Stat) -> str:
    return (
        "" if stat.low is None or stat.high is None else f"{value_text(stat, stat.low)} - {value_text(stat, stat.high)}"
    )


def print_card(card: CardSpec, folders: Sequence[Path], *, language: str) -> None:
    """The card's tables with these runs, as plain text that fits the screen."""
    from evalkit.reporting import card_report, read_runs, render

    report = card_report(card, read_runs(folders), language=language, allow_incomplete=True)
    print()
    print(render(report, "terminal", width=screen()), end="")


def screen() -> int | None:
    """Characters on a line of the terminal that stdout is; None where it is none, or does not know."""
    return os.get_terminal_size(sys.stdout.fileno()).columns or None if sys.stdout.isatty() else None


def print_json(value: object) -> None:
    """One JSON object on stdout."""
    print(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))
