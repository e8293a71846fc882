"""Row filters: `keep` in a task file chooses the rows of a data set that the task evaluates."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol, TypeAlias

from evalkit.data.references import Row, column_value, is_empty
from evalkit.errors import CellError
from evalkit.types import Value


class BelowFilter(Value, frozen=True, tag_field="kind", tag="below"):
    """Keeps rows whose number in `column` is less than `value` (MMBench's unrotated questions)."""

    column: str
    value: float

    def keeps(self, row: Row, empty_texts: Collection[str] = ()) -> bool:
        """True if the number is less than `value`. Raises CellError for a cell that is no number."""
        value = str(column_value(row, self.column))
        try:
            return float(value) < self.value
        except ValueError as error:
            raise CellError(f"keep: column {self.column} holds {value[:80]!r}, which is not a number") from error


class NonEmptyFilter(Value, frozen=True, tag_field="kind", tag="present"):
    """Keeps rows that have a value in `column` (ScienceQA's questions with a picture)."""

    column: str

    def keeps(self, row: Row, empty_texts: Collection[str] = ()) -> bool:
        """True unless the cell is empty or one of `empty_texts`."""
        return not is_empty(column_value(row, self.column), empty_texts)


class EqualFilter(Value, frozen=True, tag_field="kind", tag="equal"):
    """Keeps rows whose value in `column` equals `value`, as itself or as text."""

    column: str
    value: str | int | float | bool

    def keeps(self, row: Row, empty_texts: Collection[str] = ()) -> bool:
        """True if the values, or their texts, are equal."""
        value = column_value(row, self.column)
        return value == self.value or str(value) == str(self.value)


RowFilter: TypeAlias = BelowFilter | NonEmptyFilter | EqualFilter


class RowFilterProtocol(Protocol):
    """The contract of every member of `RowFilter`."""

    def keeps(self, row: Row, empty_texts: Collection[str] = ()) -> bool:
        """True if the task evaluates the row; `empty_texts` count as no value.

        Raises CellError where the filter compares numbers and the column holds none.
        """


if TYPE_CHECKING:

    def _every_filter(row_filter: RowFilter) -> RowFilterProtocol:
        """mypy rejects this return where a member lacks a part of the protocol."""
        return row_filter
