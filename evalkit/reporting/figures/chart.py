"""The numbers of a figure in percent: a row per benchmark, a series per model, other published numbers, chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.metrics.accuracy import Accuracy
from evalkit.registry.spec import CardSpec, Reference, Table
from evalkit.reporting.table import CardTable, Cell, Measured, Published
from evalkit.results.published import published_value
from evalkit.results.ranks import group_scores
from evalkit.results.run import Run
from evalkit.types import Value


class Point(Value, frozen=True):
    """A number and its 95 % interval, in percent; a published one has no interval."""

    value: float
    low: float | None = None
    high: float | None = None


class Series(Value, frozen=True):
    """One model with a point per row; `ours` if it was evaluated here."""

    title: str
    ours: bool
    points: tuple[Point | None, ...]


class ChartRow(Value, frozen=True):
    """A row; `grouped`: its number is of a group of its task (a subtask); `chance`: the score of guessing, if known."""

    label: str
    grouped: bool
    chance: float | None


class Chart(Value, frozen=True):
    """A table to draw: `series` stand out, `others` are the remaining published numbers of each row."""

    id: str
    title: str
    rows: tuple[ChartRow, ...]
    series: tuple[Series, ...]
    others: tuple[tuple[float, ...], ...]

    @property
    def grouped(self) -> list[int]:
        """Indices of the rows that are parts of a task."""
        return [n for n, row in enumerate(self.rows) if row.grouped]


def card_charts(card: CardSpec, tables: Sequence[CardTable], runs: Sequence[Run]) -> list[Chart]:
    """Return a chart per table that has a number in percent. Raises EvalkitError for scores that cannot be read."""
    by_folder = {str(run.folder): run for run in runs}
    charts = [_chart(layout, table, by_folder) for layout, table in zip(card.tables, tables, strict=True)]
    return [chart for chart in charts if chart.rows]


def _chart(layout: Table, table: CardTable, runs: Mapping[str, Run]) -> Chart:
    rows = [
        (row, layout_row.reference)
        for row, layout_row in zip(table.rows, layout.rows, strict=True)
        if any(_point(cell) for cell in row.cells)
    ]
    columns = _series_columns(table)
    others = [n for n in range(len(table.columns)) if n not in columns]
    return Chart(
        table.id,
        table.title,
        rows=tuple(
            ChartRow(row.label, bool(reference.where), _chance(row.cells, reference, runs)) for row, reference in rows
        ),
        series=tuple(
            Series(table.columns[n].title, table.columns[n].ours, tuple(_point(row.cells[n]) for row, _ in rows))
            for n in columns
        ),
        others=tuple(tuple(p.value for n in others if (p := _point(row.cells[n]))) for row, _ in rows),
    )


def _series_columns(table: CardTable) -> list[int]:
    """Our columns, then the published ones that they are compared with; the card's own model if there are none."""
    ours = [n for n, column in enumerate(table.columns) if column.ours]
    counterparts = {cell.against.column for cell in table.measured if cell.against}
    published = [n for n, column in enumerate(table.columns) if not column.ours]
    return ours + ([n for n in published if table.columns[n].title in counterparts] or published[:1])


def _point(cell: Cell) -> Point | None:
    if isinstance(cell, Published):
        number = published_value(cell.text, percent=False)
        return None if number is None else Point(number[0])
    if not isinstance(cell, Measured) or not cell.percent or cell.derived:
        return None
    low, high = (None if limit is None else 100 * limit for limit in (cell.stat.low, cell.stat.high))
    return Point(100 * cell.stat.value, low, high)


def _chance(cells: Sequence[Cell], reference: Reference, runs: Mapping[str, Run]) -> float | None:
    """The mean of 1/options over the samples of a row, in percent; None unless its number is a plain accuracy."""
    cell = next((cell for cell in cells if isinstance(cell, Measured)), None)
    if cell is None:
        return None
    run = runs[cell.folder]
    metric = run.task.metrics.get(cell.stat.metric)
    if not isinstance(metric, Accuracy) or (metric.average == "macro" and not reference.where):
        return None
    options = [score.options for score in group_scores(run, reference.where)]
    return 100 * sum(1 / n for n in options) / len(options) if options and all(options) else None
