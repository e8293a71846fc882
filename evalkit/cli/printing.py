"""The tables that verbs print on stdout, and their sentences on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import msgspec

from evalkit.registry.spec import CardSpec
from evalkit.results.run import Run
from evalkit.safe_text import LONGEST, one_line, printable
from evalkit.types import Stat

PROBLEMS = 20
"""Samples listed on stderr; run.json holds all of them."""


def print_summary(runs: Sequence[Run]) -> None:
    """One line per run: its headline with a 95 % interval, the unusable replies, and what this command cost."""
    from tabulate import tabulate

    if not runs:
        return
    head = ["model", "task", "score", "95 % interval", "n", "unparsed", "cut off", "errors", "calls", "seconds"]
    rows = [_summary(run) for run in runs]
    align = ("left", "left", *["right"] * 8)
    print(tabulate(rows, head, tablefmt="simple", disable_numparse=True, colalign=align))
    if not all(run.record.complete for run in runs):
        print("\n* incomplete: samples are missing, failed or left out by --limit; not a result to publish")


def _summary(run: Run) -> list[str]:
    record, counts, stat = run.record, run.record.scoring.counts, run.headline
    mark = "" if record.complete else "*"
    interval = ""
    if stat is not None and stat.low is not None and stat.high is not None:
        interval = f"{value_text(stat, stat.low)} - {value_text(stat, stat.high)}"
    return [
        printable(record.model.name),
        record.task.name,
        mark if stat is None else f"{value_text(stat, stat.value)}{mark}",
        interval,
        str(0 if stat is None else stat.n),
        str(counts.unparsed),
        str(counts.truncated),
        str(counts.errors),
        str(run.calls),
        f"{run.seconds:.1f}",
    ]


def print_problems(run: Run) -> int:
    """List the samples without a score on stderr. Exit code 4 if there are any."""
    problems = run.record.scoring.problems
    for sample, reason in list(problems.items())[:PROBLEMS]:
        say(f"{run.record.task.name}: sample {sample}: {reason}")
    if len(problems) > PROBLEMS:
        say(f"... and {len(problems) - PROBLEMS} more, see {run.folder}/run.json")
    return 4 if problems else 0


def say(sentence: str) -> None:
    """A sentence on stderr; text from data and models steers no terminal."""
    print(f"evalkit: {one_line(sentence, LONGEST)}", file=sys.stderr, flush=True)


def value_text(stat: Stat, value: float) -> str:
    """A value in the unit of `stat` as the tables print it: percent with one decimal, or four significant digits."""
    return f"{100 * value:.1f}" if stat.percent else f"{value:.4g}"


def print_card(card: CardSpec, runs: Sequence[Run], *, language: str) -> None:
    """The card's tables with these runs, as plain text that fits the screen."""
    from evalkit.reporting import card_report, render

    report = card_report(card, runs, language=language, allow_incomplete=True)
    print()
    print(render(report, "terminal", width=terminal_width()), end="")


def terminal_width() -> int | None:
    """The width of the terminal in characters; None where stdout is no terminal, or its width is unknown."""
    return os.get_terminal_size(sys.stdout.fileno()).columns or None if sys.stdout.isatty() else None


def print_json(value: object) -> None:
    """One JSON object on stdout."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(msgspec.to_builtins(value), ensure_ascii=not unicode))
