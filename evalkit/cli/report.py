"""`evalkit report`: a card's tables, published numbers beside ours, and the same as figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalkit import text_files
from evalkit.cli.printing import terminal_width
from evalkit.cli.setup import result_folders
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.spec import CardSpec
from evalkit.reporting import Run, card_report, render, side_by_side
from evalkit.reporting.footnotes import sentences_beside_csv
from evalkit.results.blind import with_differences


def main(options: argparse.Namespace) -> int:
    """Print or write the tables, and draw them where asked; exit code 0."""
    if options.png and options.figures is None:
        raise EvalkitError("--png says how figures are written: name their folder with --figures DIR")
    card = load.spec(CardSpec, options.card)
    runs = side_by_side(result_folders(options.results, Path("results")))
    if options.figures is not None:
        _draw(card, runs, options)
    if options.blind_difference:
        runs = with_differences(runs)
    report = card_report(
        card,
        runs,
        **_table_options(options),
        intervals=options.intervals,
        details=options.details,
        best=options.best,
    )
    if options.format == "csv":
        for sentence in sentences_beside_csv(report):
            print(sentence, file=sys.stderr)
    terminal = options.output is None and sys.stdout.isatty()
    color, width = options.colour and terminal, terminal_width() if terminal else None
    text = render(report, options.format, color=color, width=width)
    _write(text, options.output)
    return 0


def _table_options(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments that tables and figures share."""
    return {"language": options.lang, "allow_incomplete": options.allow_incomplete, "column": options.against}


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        return
    text_files.write_atomic(output, text.encode(), option="--output")


def _draw(card: CardSpec, runs: Sequence[Run], options: argparse.Namespace) -> None:
    from evalkit.reporting.figures.save import save_figures

    for file in save_figures(card, runs, options.figures, **_table_options(options), png=options.png):
        print(file, file=sys.stderr)
