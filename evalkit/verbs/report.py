"""`evalkit report`: a card's tables, published numbers beside ours."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evalkit import registry
from evalkit.report import read_results, render
from evalkit.spec import CardSpec
from evalkit.types import EvalkitError
from evalkit.verbs.setup import existing


def main(options: argparse.Namespace) -> int:
    """Print or write the tables; exit code 0."""
    card = registry.load(CardSpec, options.card)
    results = read_results(existing(options.results, Path("results")))
    text = render(
        card,
        results,
        format=options.format,
        language=options.lang,
        intervals=options.intervals,
        allow_incomplete=options.allow_incomplete,
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
