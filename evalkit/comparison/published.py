"""A run against numbers that a model card prints: a statement about one sample, since the card has no replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from evalkit.comparison.runs import metric_of
from evalkit.comparison.verdict import Line, Side
from evalkit.registry.spec import CardSpec, Row, Table
from evalkit.results import published
from evalkit.results.run import Run
from evalkit.statistics import one_sample
from evalkit.types import Stat


class Printed(NamedTuple):
    """A number of a card's column, and what its row is called there, with the table where that alone is ambiguous."""

    row: Row
    number: str
    label: str


def printed(card: CardSpec, column: str) -> list[Printed]:
    """The numbers in a column. Raises EvalkitError for a column that the card lacks."""
    published.check_column(card, column)
    cells = [(table, row, _cell(table, row, column)) for table in card.tables for row in table.rows]
    names = [row.label.en for _, row, text in cells if text]
    return [
        Printed(row, text, row.label.en if names.count(row.label.en) == 1 else f"{row.label.en} ({table.id})")
        for table, row, text in cells
        if text
    ]


def lines(numbers: Sequence[Printed], column: str, results: Mapping[str, Run]) -> Iterator[Line]:
    """One line for each number that a run has one for, at the run's own 95 % interval."""
    for one in numbers:
        result = results.get(one.row.reference.task)
        stat = None if result is None else result.find(one.row.reference)
        if result is not None and stat is not None:
            number = published.printed(one.number, percent=stat.percent)
            if number is not None:
                yield _line(one, result, stat, *number, column=column)


def _cell(table: Table, row: Row, column: str) -> str:
    """The number as printed; "" for a dash, a remark or a row without numbers."""
    text = dict(zip(table.columns, row.published, strict=False)).get(column, "")
    return "" if published.printed(text, percent=False) is None else text


def _line(one: Printed, result: Run, stat: Stat, value: float, rounding: float, *, column: str) -> Line:
    return Line(
        task=one.row.reference.task,
        metric=stat.metric,
        label=one.label,
        base=Side(title=column, folder="", value=value, n=stat.n),
        candidate=Side(
            title=result.title, folder=str(result.folder), value=stat.value, n=stat.n, low=stat.low, high=stat.high
        ),
        difference=one_sample(stat, value, rounding=rounding),
        better=metric_of(result, stat.metric).better,
        percent=stat.percent,
    )
