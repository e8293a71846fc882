"""A run against numbers that a model card prints: a statement about one sample, since the card has no replies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from evalkit.compare.runs import metric
from evalkit.compare.verdict import Line, Side
from evalkit.report.results import Result
from evalkit.spec import CardSpec, Row, Table
from evalkit.statistics import one_sample
from evalkit.types import EvalkitError, Stat

NUMBER = re.compile(r"\d+(?:\.(\d+))?")


def lines(card: CardSpec, column: str, results: Mapping[str, Result], *, language: str = "en") -> list[Line]:
    """One line per row of the card's column that a run has a number for, each at its own 95 % interval.

    Raises EvalkitError for an unknown column, and where no row has a run.
    """
    tables = [table for table in card.tables if column in table.columns]
    if not tables:
        known = ", ".join(dict.fromkeys(name for table in card.tables for name in table.columns))
        raise EvalkitError(f"card {card.name} has no column {column!r}; choose one of {known}")
    found = [line for table in tables for line in _lines(table, column, results, language)]
    if not found:
        raise EvalkitError(f"no run of the candidate is a row of card {card.name}, column {column}; run its tasks")
    return found


def _lines(table: Table, column: str, results: Mapping[str, Result], language: str) -> Iterator[Line]:
    for row in table.rows:
        result = results.get(row.reference.task)
        stat = None if result is None else result.find(row.reference)
        printed = dict(zip(table.columns, row.published, strict=False)).get(column, "")
        if result is not None and stat is not None and NUMBER.fullmatch(printed):
            yield _line(row, result, stat, column=column, printed=printed, language=language)


def _line(row: Row, result: Result, stat: Stat, *, column: str, printed: str, language: str) -> Line:
    match = NUMBER.fullmatch(printed)
    digits = len(match[1] or "") if match else 0
    unit = 100 if result.percent(stat) else 1
    difference = one_sample(stat, float(printed) / unit, rounding=0.5 * 10**-digits / unit)
    return Line(
        task=row.reference.task,
        metric=stat.metric,
        label=row.label.get(language),
        base=Side(title=column, folder="", value=float(printed) / unit, n=stat.n),
        candidate=Side(
            title=result.title, folder=result.folder, value=stat.value, n=stat.n, low=stat.low, high=stat.high
        ),
        difference=difference,
        better=metric(result.run, stat.metric).better,
        percent=unit == 100,
    )
