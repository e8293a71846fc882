"""`evalkit report`: a card's tables, published numbers beside ours."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evalkit import registry
from evalkit.report import cells, notes, read_results, render
from evalkit.report.blind import with_differences
from evalkit.spec import CardSpec
from evalkit.types import EvalkitError
from evalkit.verbs.setup import existing


def main(options: argparse.Namespace) -> int:
    """Print or write the tables; exit code 0."""
    card = registry.load(CardSpec, options.card)
    results = read_results(existing(options.results, Path("results")))
    if options.blind_difference:
        results = with_differences(results)
    if options.format == "csv":  # a CSV file has no place for footnotes
        filled = cells(card, results, language=options.lang, allow_incomplete=options.allow_incomplete)
        print(*notes(filled), sep="\n", end="", file=sys.stderr)
    text = render(
        card,
        results,
        format=options.format,
        language=options.lang,
        intervals=options.intervals,
        allow_incomplete=options.allow_incomplete,
        color=options.colour and options.output is None and sys.stdout.isatty(),
    )
    if options.output is None:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        return 0
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvalkitError(
            f"{options.output}: cannot be written ({error.strerror}); choose another --output"
        ) from error
    return 0
