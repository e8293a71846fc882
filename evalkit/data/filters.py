"""Which rows of a data set count, as a task file says it in `keep`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from evalkit.data.references import absent, nested
from evalkit.errors import CellError
from evalkit.types import Value


class Below(Value, frozen=True, tag_field="kind", tag="below"):
    """Rows whose number in `column` is less than `value` (MMBench's unrotated questions)."""

    column: str
    value: float


class Present(Value, frozen=True, tag_field="kind", tag="present"):
    """Rows whose cell in `column` is not empty (ScienceQA's questions with a picture)."""

    column: str


class Equal(Value, frozen=True, tag_field="kind", tag="equal"):
    """Rows whose cell in `column` reads as `value`."""

    column: str
    value: str | int | float | bool


Keep: TypeAlias = Below | Present | Equal


def keeps(keep: Keep, row: Mapping[str, Any], missing: Collection[str] = ()) -> bool:
    """Whether a row counts. Raises CellError when a number is asked of a cell that has none."""
    value = nested(row, keep.column)
    if isinstance(keep, Present):
        return not absent(value, missing)
    if isinstance(keep, Below):
        try:
            return float(str(value)) < keep.value
        except ValueError as error:
            raise CellError(f"keep: column {keep.column} holds {str(value)[:80]!r}, which is not a number") from error
    return value == keep.value or str(value) == str(keep.value)
