"""Compare a run with the numbers of a model card, by one-sample tests, since the card has no replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from evalkit.comparison import comparable, gates
from evalkit.comparison.runs import metric_of
from evalkit.comparison.values import Comparison, GateSettings, Line, Side
from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec, Row, Table
from evalkit.results.published import check_column, published_value
from evalkit.results.run import Run
from evalkit.statistics import one_sample
from evalkit.types import Stat


class CardNumber(NamedTuple):
    """A number of a card's column as printed, and its row's label, with the table where that is ambiguous."""

    row: Row
    text: str
    label: str


def against_card(card: CardSpec, column: str, runs: Mapping[str, Run], settings: GateSettings) -> Comparison:
    """Compare a model's runs, by task, with a column of published numbers, row by row, each run by itself.

    Raises EvalkitError for a column that the card lacks, for a level other than 0.05, and if no run has a number
    of the column.
    """
    if settings.alpha != 0.05:
        raise EvalkitError("published numbers are judged by the runs' own 95 % intervals; leave --alpha at 0.05")
    numbers = _card_numbers(card, column)
    tasks = {number.row.reference.task for number in numbers}
    refusals = [r for task, run in runs.items() if task in tasks for r in comparable.refusals_alone(run.record)]
    refused, notes = comparable.split_allowed(refusals, settings.allow)
    lines = [] if refused else list(_lines(numbers, column, runs))
    if not lines and not refused:
        raise EvalkitError(f"no run of the candidate has a number in card {card.name}, column {column}; run its tasks")
    missing = [number.label for number in numbers if number.label not in {line.label for line in lines}]
    notes += [f"Not compared, since no run has them: {', '.join(missing)}."] if missing and lines else []
    notes += ["Published numbers are taken as exact; prompts and data behind them may differ from ours."]
    base = f"{column} as published in {card.name}"
    return gates.conclude(base, next(iter(runs.values())).title, settings, lines=lines, refusals=refused, notes=notes)


def _card_numbers(card: CardSpec, column: str) -> list[CardNumber]:
    check_column(card, column)
    cells = [(table, row, _cell(table, row, column)) for table in card.tables for row in table.rows]
    names = [row.label.en for _, row, text in cells if text]
    return [
        CardNumber(row, text, row.label.en if names.count(row.label.en) == 1 else f"{row.label.en} ({table.id})")
        for table, row, text in cells
        if text
    ]


def _lines(numbers: Sequence[CardNumber], column: str, runs: Mapping[str, Run]) -> Iterator[Line]:
    """One line for each published number whose row a run has a number for."""
    for number in numbers:
        run = runs.get(number.row.reference.task)
        stat = None if run is None else run.find(number.row.reference)
        if run is not None and stat is not None:
            value = published_value(number.text, percent=stat.percent)
            if value is not None:
                yield _line(number, run, stat, *value, column=column)


def _cell(table: Table, row: Row, column: str) -> str:
    """The number as printed; empty for a dash, a remark or a row without numbers."""
    text = dict(zip(table.columns, row.published, strict=False)).get(column, "")
    return "" if published_value(text, percent=False) is None else text


def _line(number: CardNumber, run: Run, stat: Stat, value: float, rounding: float, *, column: str) -> Line:
    return Line(
        task=number.row.reference.task,
        metric=stat.metric,
        label=number.label,
        base=Side(title=column, folder="", value=value, n=stat.n),
        candidate=Side(
            title=run.title, folder=str(run.folder), value=stat.value, n=stat.n, low=stat.low, high=stat.high
        ),
        difference=one_sample(stat, value, rounding=rounding),
        better=metric_of(run, stat.metric).better,
        percent=stat.percent,
    )
