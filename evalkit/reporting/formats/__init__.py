"""A report as text in one of six formats; text from elsewhere is escaped as each of them needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from evalkit.errors import EvalkitError
from evalkit.reporting.formats.csv import csv_report
from evalkit.reporting.formats.html import html_report
from evalkit.reporting.formats.latex import latex_report
from evalkit.reporting.formats.markdown import markdown_report
from evalkit.reporting.formats.terminal import terminal_report
from evalkit.reporting.report import CardReport


def json_report(report: CardReport) -> str:
    """The report itself: fractions at full precision, each with its interval and its comparison, and every run."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


FORMATS: Mapping[str, Callable[[CardReport], str]] = {
    "terminal": terminal_report,
    "markdown": markdown_report,
    "csv": csv_report,
    "latex": latex_report,
    "html": html_report,
    "json": json_report,
}


def render(
    report: CardReport,
    format: str = "markdown",  # noqa: A002 - the command line's own word
    *,
    color: bool = False,
    width: int | None = None,
) -> str:
    """Return the report in a format, ending in a line break; `color` and `width` count only for the terminal.

    Raises EvalkitError for a format that is not known.
    """
    if format not in FORMATS:
        raise EvalkitError(f"unknown report format {format!r}: choose one of {', '.join(FORMATS)}")
    if format == "terminal":
        return terminal_report(report, color=color, width=width)
    return FORMATS[format](report)
