"""What a figure shows, as plain numbers in percent: rows in the order drawn, our series, published ones, chance."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.metrics.accuracy import Accuracy
from evalkit.registry.spec import CardSpec, Reference, Table
from evalkit.reporting.table import Cell, FilledTable, Measured, Published
from evalkit.results.published import printed
from evalkit.results.ranks import Scores
from evalkit.results.read import Result
from evalkit.results.trace import task_of
from evalkit.types import Value


class Point(Value, frozen=True):
    """A number and its 95 % interval, in percent; a published one has no interval."""

    value: float
    low: float | None = None
    high: float | None = None


class Series(Value, frozen=True):
    """One model, a point per row; `ours` when it was evaluated here."""

    title: str
    ours: bool
    points: tuple[Point | None, ...]


class Mark(Value, frozen=True):
    """A row: `grouped` when it is a part of its task, a subtask; `chance` the score of guessing where that is known."""

    label: str
    grouped: bool
    chance: float | None


class Chart(Value, frozen=True):
    """A table to draw: `series` stand out, `others` are the remaining published numbers of each row."""

    id: str
    title: str
    rows: tuple[Mark, ...]
    series: tuple[Series, ...]
    others: tuple[tuple[float, ...], ...]

    @property
    def grouped(self) -> list[int]:
        """Rows that are parts of a task."""
        return [n for n, row in enumerate(self.rows) if row.grouped]


def charts(card: CardSpec, tables: Sequence[FilledTable], results: Sequence[Result], scores: Scores) -> list[Chart]:
    """A chart per table that has a number in percent. Raises EvalkitError for scores that cannot be read."""
    runs = {result.folder: result for result in results}
    made = [
        _chart(layout, table, {folder: runs[folder] for folder in runs}, scores)
        for layout, table in zip(card.tables, tables, strict=True)
    ]
    return [chart for chart in made if chart.rows]


def _chart(layout: Table, table: FilledTable, runs: dict[str, Result], scores: Scores) -> Chart:
    lines = [
        (line, row.reference)
        for line, row in zip(table.lines, layout.rows, strict=True)
        if any(_point(cell) for cell in line.cells)
    ]
    shown = _shown(table)
    rows = [
        Mark(line.label, bool(reference.where), _chance(line.cells, reference, runs, scores))
        for line, reference in lines
    ]
    series = [
        Series(table.columns[n].title, bool(table.columns[n].mark), tuple(_point(line.cells[n]) for line, _ in lines))
        for n in shown
    ]
    others = [
        tuple(p.value for n, cell in enumerate(line.cells) if n not in shown and (p := _point(cell)))
        for line, _ in lines
    ]
    return Chart(table.id, table.title, tuple(rows), tuple(series), tuple(others))


def _shown(table: FilledTable) -> list[int]:
    """Our columns, then the published ones that they are compared with; the card's own model where there are none."""
    ours = [n for n, column in enumerate(table.columns) if column.mark]
    cells = [cell for line in table.lines for cell in line.cells]
    names = {cell.against.column for cell in cells if isinstance(cell, Measured) and cell.against}
    published = [n for n, column in enumerate(table.columns) if not column.mark]
    return ours + ([n for n in published if table.columns[n].title in names] or published[:1])


def _point(cell: Cell) -> Point | None:
    if isinstance(cell, Published):
        number = printed(cell.text, percent=False)
        return None if number is None else Point(number[0])
    if not isinstance(cell, Measured) or not cell.percent or cell.derived:
        return None
    low, high = (None if bound is None else 100 * bound for bound in (cell.stat.low, cell.stat.high))
    return Point(100 * cell.stat.value, low, high)


def _chance(cells: Sequence[Cell], reference: Reference, runs: dict[str, Result], scores: Scores) -> float | None:
    """The mean of 1/options over a row's samples, in percent, where the number is the share of right choices."""
    for cell in cells:
        if isinstance(cell, Measured):
            metric = task_of(runs[cell.run]).metrics.get(cell.stat.metric)
            if not isinstance(metric, Accuracy) or (metric.average == "macro" and not reference.where):
                return None
            options = [score.options for score in scores.of(runs[cell.run], reference.where)]
            return 100 * sum(1 / n for n in options) / len(options) if options and all(options) else None
    return None
