"""A card's table as people see it: the titles, texts and sentences that every printed format lays out alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from evalkit.registry.spec import Localized
from evalkit.reporting.agreement import agreement_sentences
from evalkit.reporting.cell_text import cell_text, column_title, difference_text, interval_text
from evalkit.reporting.footnotes import footnotes
from evalkit.reporting.report import CardReport
from evalkit.reporting.table import CardTable, Cell, Measured, TableRow, is_best

CATEGORY, BENCHMARK = Localized("Category", "类别"), Localized("Benchmark", "基准")
VERSUS = Localized("vs published", "对比已发布")


class DisplayColumn(NamedTuple):
    """The title of a column of numbers.

    `ours`: of an evaluated model, or a difference of it. `counts`: it counts samples. `counterpart`: the title of the
    published column that this one is compared with; the column of differences stands right of it.
    """

    title: str
    ours: bool = False
    counts: bool = False
    counterpart: str = ""


class DisplayCell(NamedTuple):
    """A number as text. `interval` has brackets already; `within` is the verdict on a difference; `cell` its origin."""

    number: str
    interval: str = ""
    best: bool = False
    within: bool | None = None
    cell: Cell | None = None

    @property
    def text(self) -> str:
        """Number and interval."""
        return f"{self.number} {self.interval}" if self.interval else self.number


class DisplayRow(NamedTuple):
    """A row: the texts left of the numbers, how many rows its category covers (0: none), and a cell per column."""

    category: str
    label: str
    span: int
    cells: tuple[DisplayCell, ...]


class DisplayTable(NamedTuple):
    """A table to print: `agreement` stands above it, `footnotes` below; `left` are the titles left of the numbers."""

    id: str
    title: str
    agreement: tuple[str, ...]
    left: tuple[str, ...]
    columns: tuple[DisplayColumn, ...]
    rows: tuple[DisplayRow, ...]
    footnotes: tuple[str, ...]

    @property
    def has_categories(self) -> bool:
        """True if a column of categories stands before the labels."""
        return len(self.left) > 1

    @property
    def labels(self) -> list[list[str]]:
        """The texts left of the numbers, row by row; a category stands on the first of its rows only."""
        if not self.has_categories:
            return [[row.label] for row in self.rows]
        return [[row.category if row.span else "", row.label] for row in self.rows]


def display_tables(report: CardReport) -> list[DisplayTable]:
    """The tables of a report, ready to print."""
    return [_display(table, report) for table in report.tables]


def _display(table: CardTable, report: CardReport) -> DisplayTable:
    language = report.language
    left = (CATEGORY, BENCHMARK) if table.has_categories else (BENCHMARK,)
    return DisplayTable(
        id=table.id,
        title=table.title,
        agreement=tuple(agreement_sentences(table, language)),
        left=tuple(title.get(language) for title in left),
        columns=tuple(_columns(table, report)),
        rows=tuple(
            DisplayRow(row.category, row.label, span, tuple(_cells(row, table, report)))
            for row, span in zip(table.rows, table.category_spans, strict=True)
        ),
        footnotes=tuple(footnotes(table, report)),
    )


def _columns(table: CardTable, report: CardReport) -> Iterator[DisplayColumn]:
    if report.details:
        yield DisplayColumn("n", counts=True)
    for index, column in enumerate(table.columns):
        counterpart = table.counterpart(index)
        yield DisplayColumn(column_title(column), ours=column.ours, counterpart=counterpart)
        if counterpart:
            yield DisplayColumn(VERSUS.get(report.language), ours=True)


def _cells(row: TableRow, table: CardTable, report: CardReport) -> Iterator[DisplayCell]:
    if report.details:
        yield DisplayCell(_sample_count(row))
    for index, cell in enumerate(row.cells):
        interval = interval_text(cell) if report.intervals else ""
        yield DisplayCell(cell_text(cell), interval, is_best(cell), cell=cell)
        if table.counterpart(index):
            yield _difference(cell)


def _sample_count(row: TableRow) -> str:
    """The number of samples behind our numbers of a row; a range if the runs differ."""
    counts = sorted({cell.stat.n for cell in row.cells if isinstance(cell, Measured)})
    return "" if not counts else f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def _difference(cell: Cell) -> DisplayCell:
    if not isinstance(cell, Measured) or cell.against is None:
        return DisplayCell("")
    return DisplayCell(difference_text(cell), within=cell.against.within, cell=cell)
