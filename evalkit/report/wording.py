"""How cells, columns and notes read, the same in every format that people look at."""

from __future__ import annotations

from evalkit.report.table import Absent, Cell, Column, FilledTable, Measured, Published
from evalkit.spec import Localized
from evalkit.types import Value

CATEGORY, BENCHMARK = Localized("Category", "类别"), Localized("Benchmark", "基准")
BRACKETS = Localized("In brackets: 95 % interval.", "方括号内为 95% 置信区间。")


class Report(Value, frozen=True, kw_only=True):
    """Everything a format may use; the JSON format is this value."""

    card: str
    title: str
    source: str
    language: str
    intervals: bool
    tables: tuple[FilledTable, ...]


def text(cell: Cell, *, intervals: bool, absent: str = "-") -> str:
    """A cell as people read it: percent with one decimal, `*` after an incomplete number, limits in brackets."""
    match cell:
        case Published():
            return cell.text
        case Absent():
            return absent
        case Measured():
            star = "" if cell.complete else "*"
            low, high = (number(cell, bound) for bound in (cell.stat.low, cell.stat.high))
            limits = f" [{low}, {high}]" if intervals and low and high else ""
            return f"{number(cell, cell.stat.value)}{star}{limits}"


def number(cell: Measured, value: float | None) -> str:
    """One number of a cell in its unit; empty where there is none."""
    if value is None:
        return ""
    return f"{100 * value:.1f}" if cell.percent else f"{value:.4g}"


def heading(column: Column) -> str:
    """A column's title; evaluated models carry their mark."""
    return f"{column.title} ({column.mark})" if column.mark else column.title


def heads(table: FilledTable, language: str) -> list[str]:
    """Titles of the columns before the numbers."""
    titles = [CATEGORY, BENCHMARK] if table.has_categories else [BENCHMARK]
    return [title.get(language) for title in titles]


def rows(table: FilledTable, report: Report) -> list[list[str]]:
    """The body as text; a merged category stands on its first line only."""
    body = []
    for line, span in zip(table.lines, table.spans, strict=True):
        left = [line.category if span else "", line.label] if table.has_categories else [line.label]
        body.append([*left, *(text(cell, intervals=report.intervals) for cell in line.cells)])
    return body


def footnotes(table: FilledTable, report: Report) -> list[str]:
    """What must stand below the table."""
    bracketed = report.intervals and any(isinstance(cell, Measured) for line in table.lines for cell in line.cells)
    return [*([BRACKETS.get(report.language)] if bracketed else []), *table.notes]
