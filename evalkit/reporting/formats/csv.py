"""A report as CSV for spreadsheets and scripts: plain numbers, and beside ours all that is known of them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

from evalkit.reporting.cell_text import cell_text, column_title, number_text, signed_difference
from evalkit.reporting.report import CardReport
from evalkit.reporting.table import Cell, Column, Measured, is_best
from evalkit.results.settings import ReportedSettings

EXTRA_COLUMNS = ("low", "high", "n", "unparsed %", "complete", "published", "vs published", "noise")
"""The columns right of each of ours; `unparsed %` is that of the whole run, `noise` says if the difference is noise."""
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")


def csv_report(report: CardReport) -> str:
    """Return a header per table (table, category, label, published columns, ours), an empty line between tables.

    The category stands on every row. Each of our columns is followed by EXTRA_COLUMNS, and every column by `best` if
    the best of each row is marked.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    runs = {run.folder: run for run in report.runs}
    for index, table in enumerate(report.tables):
        if index:
            out.write("\n")
        marked = any(is_best(cell) for row in table.rows for cell in row.cells)
        titles = [title for column in table.columns for title in _titles(column, marked=marked)]
        writer.writerow(["table", "category", "label", *titles])
        for row in table.rows:
            pairs = zip(table.columns, row.cells, strict=True)
            values = [value for column, cell in pairs for value in _values(column, cell, runs, marked=marked)]
            writer.writerow([*map(escape_formula, (table.id, row.category, row.label)), *values])
    return out.getvalue()


def escape_formula(text: str) -> str:
    """The text, after an apostrophe if a spreadsheet would run it as a formula (OWASP, CSV injection)."""
    return f"'{text}" if FORMULA.match(text) else text


def _titles(column: Column, *, marked: bool) -> list[str]:
    title = escape_formula(column_title(column))
    extra = (*(EXTRA_COLUMNS if column.ours else ()), *(("best",) if marked else ()))
    return [title, *(f"{title} {name}" for name in extra)]


def _values(column: Column, cell: Cell, runs: Mapping[str, ReportedSettings], *, marked: bool) -> list[str]:
    values = [cell_text(cell, absent="")]
    if column.ours:
        values += _extra_values(cell, runs) if isinstance(cell, Measured) else [""] * len(EXTRA_COLUMNS)
    return [*values, "yes" if is_best(cell) else ""] if marked else values


def _extra_values(cell: Measured, runs: Mapping[str, ReportedSettings]) -> list[str]:
    run, comparison = runs.get(cell.folder), cell.against
    return [
        number_text(cell, cell.stat.low),
        number_text(cell, cell.stat.high),
        str(cell.stat.n),
        f"{100 * run.unparsed / run.answered:.1f}" if run and run.answered and not cell.derived else "",
        "yes" if cell.complete else "no",
        comparison.published if comparison else "",
        signed_difference(cell).replace("−", "-").removeprefix("+"),  # a number, not a formula
        {True: "within", False: "beyond", None: ""}[comparison.within if comparison else None],
    ]
