"""A card's tables as a pandas DataFrame of plain numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evalkit.reporting.table import CardTable, Cell, Column, Measured, Published, table_notes
from evalkit.results.published import published_value

if TYPE_CHECKING:
    from pandas import DataFrame

NAN = float("nan")


def data_frame(tables: Sequence[CardTable], *, intervals: bool = False) -> DataFrame:
    """Return the tables below each other, a row per row of the card and a column per model, all of them floats.

    The index has the levels `table` (its id), `category` and `benchmark`. The columns have two levels, `number` and
    `model`: `frame["published"]` are the card's numbers, `frame["ours"]` those of evaluated models, and with
    `intervals` `frame["low"]` and `frame["high"]` the limits of ours. Differences to one published model are
    `frame["ours"].sub(frame["published", "GPT-4o"], axis=0)`.

    Numbers are in percent, except of metrics that have a unit of their own (the mean absolute error). NaN: no number.
    The sentences that must stand below the tables, such as which runs are incomplete, are in `frame.attrs["notes"]`.
    """
    import pandas as pd

    rows = [(table, row) for table in tables for row in table.rows]
    records = [
        {key: number for pair in zip(table.columns, row.cells, strict=True) for key, number in _numbers(*pair)}
        for table, row in rows
    ]
    kinds = ("published", "ours", *(("low", "high") if intervals else ()))
    keys = dict.fromkeys(key for record in records for key in record)
    columns = [key for kind in kinds for key in keys if key[0] == kind]
    frame = pd.DataFrame(
        [[record.get(key, NAN) for key in columns] for record in records],
        index=pd.MultiIndex.from_tuples(
            [(table.id, row.category, row.label) for table, row in rows], names=["table", "category", "benchmark"]
        ),
        columns=pd.MultiIndex.from_tuples(columns, names=["number", "model"]),
        dtype=float,
    )
    frame.attrs["notes"] = table_notes(tables)
    return frame


def _numbers(column: Column, cell: Cell) -> Iterator[tuple[tuple[str, str], float]]:
    """The numbers of a cell by their column of the frame."""
    if not column.ours:
        number = published_value(cell.text, percent=False) if isinstance(cell, Published) else None
        yield ("published", column.title), NAN if number is None else number[0]
        return
    stat, scale = (cell.stat, 100 if cell.percent else 1) if isinstance(cell, Measured) else (None, 1)
    values = (None, None, None) if stat is None else (stat.value, stat.low, stat.high)
    for kind, value in zip(("ours", "low", "high"), values, strict=True):
        yield (kind, column.title), NAN if value is None else scale * value
