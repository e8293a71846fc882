"""A card's table as one typed value, the same for every format: rows of cells that know the run they come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import field

from evalkit.results.published import PublishedDifference
from evalkit.types import Stat, Value


class Published(Value, frozen=True, tag_field="kind", tag="published"):
    """A number as the card prints it; `best` is set by `best_of_row.mark_best`."""

    text: str
    best: bool = False


class Measured(Value, frozen=True, tag_field="kind", tag="measured"):
    """One of our numbers, the results folder of its run, and whether that run is complete.

    `percent`: the number is a fraction, printed times 100; otherwise it has the unit of the answers.
    `against` compares it with the published number of the same model, never for an incomplete run.
    `derived`: the number is a difference of two runs.
    """

    stat: Stat
    folder: str = field(name="run")
    complete: bool
    percent: bool
    against: PublishedDifference | None = None
    best: bool = False
    derived: bool = False


class Absent(Value, frozen=True, tag_field="kind", tag="absent"):
    """No number: there is no run or result for it, or (`refused`) the run is incomplete, and that was not allowed."""

    refused: bool = False


Cell: TypeAlias = Published | Measured | Absent


class Column(Value, frozen=True):
    """The title of a model's column; `mark` is "ours" in the table's language, or empty for a published model."""

    title: str
    mark: str = ""

    @property
    def ours(self) -> bool:
        """True for a model that was evaluated here."""
        return bool(self.mark)


class TableRow(Value, frozen=True):
    """One benchmark with a cell per column; `category` is empty where the card names none."""

    category: str
    label: str
    cells: tuple[Cell, ...]


class CardTable(Value, frozen=True):
    """One table of a card: published columns, then ours; `notes` are sentences that must stand below it.

    Texts are printable and in the language that was asked for. Encoded as JSON, its rows are called `lines`.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...] = field(name="lines")
    notes: tuple[str, ...]

    @property
    def has_categories(self) -> bool:
        """True if any row has a category, so that a column for them is needed."""
        return any(row.category for row in self.rows)

    @property
    def category_spans(self) -> tuple[int, ...]:
        """For each row the number of rows that its category cell covers, 0 where a cell above covers it."""
        spans: list[int] = []
        start = 0
        for index, row in enumerate(self.rows):
            if index and row.category and row.category == self.rows[start].category:
                spans[start] += 1
                spans.append(0)
            else:
                start = index
                spans.append(1)
        return tuple(spans)

    @property
    def measured(self) -> list[Measured]:
        """Our numbers, row by row."""
        return [cell for row in self.rows for cell in row.cells if isinstance(cell, Measured)]

    def counterpart(self, index: int) -> str:
        """The title of the published column that column `index` is compared with; empty if with none."""
        cells = (row.cells[index] for row in self.rows)
        return next((cell.against.column for cell in cells if isinstance(cell, Measured) and cell.against), "")


def is_best(cell: Cell) -> bool:
    """True for the best number of its row, and for those not separable from it."""
    return isinstance(cell, Published | Measured) and cell.best


def table_notes(tables: Iterable[CardTable]) -> list[str]:
    """The notes of all tables, each once."""
    return list(dict.fromkeys(note for table in tables for note in table.notes))
