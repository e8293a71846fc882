"""`evalkit report`: a card's tables, published numbers beside ours, and the same as figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalkit import text_files
from evalkit.cli.printing import screen
from evalkit.cli.setup import existing
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.spec import CardSpec
from evalkit.reporting import Result, cells, notes, render, side_by_side
from evalkit.reporting.verdict import verdicts
from evalkit.results.blind import with_differences


def main(options: argparse.Namespace) -> int:
    """Print or write the tables, and draw them where asked; exit code 0."""
    if options.png and options.figures is None:
        raise EvalkitError("--png says how figures are written: name their folder with --figures DIR")
    card = load.spec(CardSpec, options.card)
    results = side_by_side(existing(options.results, Path("results")))
    if options.figures is not None:
        _draw(card, results, options)
    if options.blind_difference:
        results = with_differences(results)
    if options.format == "csv":  # a CSV file has no place for sentences
        _say(card, results, options)
    shown = options.output is None and sys.stdout.isatty()
    text = render(
        card,
        results,
        **_wish(options),
        format=options.format,
        intervals=options.intervals,
        details=options.details,
        best=options.best,
        color=options.colour and shown,
        width=screen() if shown else None,
    )
    _write(text, options.output)
    return 0


def _wish(options: argparse.Namespace) -> dict[str, Any]:
    """What tables and figures are asked for alike."""
    return {"language": options.lang, "allow_incomplete": options.allow_incomplete, "column": options.against}


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        return
    text_files.write_atomic(output, text.encode(), option="--output")


def _say(card: CardSpec, results: Sequence[Result], options: argparse.Namespace) -> None:
    filled = cells(card, results, **_wish(options))
    for sentence in [*(s for table in filled for s in verdicts(table, options.lang)), *notes(filled)]:
        print(sentence, file=sys.stderr)


def _draw(card: CardSpec, results: Sequence[Result], options: argparse.Namespace) -> None:
    from evalkit.reporting.figures.write import write

    for file in write(card, results, options.figures, **_wish(options), png=options.png):
        print(file, file=sys.stderr)
