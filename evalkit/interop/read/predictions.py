"""The form in which every reader returns another tool's file: numbered replies with the other values of their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from evalkit.errors import ForeignFileError


class PredictionRow(NamedTuple):
    """One reply: `number` is the tool's own (doc_id, index), `values` are the row's other values by column."""

    number: str
    text: str
    values: Mapping[str, Any]


class PredictionFile(NamedTuple):
    """The replies of a file, in its order; `tool` names the file's format, `numbering` the column of row numbers."""

    tool: str
    numbering: str
    rows: tuple[PredictionRow, ...]


def unique_rows(rows: Iterable[PredictionRow], path: object) -> tuple[PredictionRow, ...]:
    """The first row of each number. Raises ForeignFileError where two rows of a number have different replies."""
    by_number: dict[str, PredictionRow] = {}
    for row in rows:
        if by_number.setdefault(row.number, row).text != row.text:
            raise ForeignFileError(f"{path}: number {row.number} has two different replies; keep one line for each")
    return tuple(by_number.values())
