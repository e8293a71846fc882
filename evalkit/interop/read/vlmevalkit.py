"""Prediction tables of VLMEvalKit (`.tsv` or `.xlsx`): the benchmark's own columns and the reply beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from evalkit.data.sources.csv import lines
from evalkit.errors import ForeignFileError
from evalkit.interop.read.foreign import Foreign, ForeignReply, once

INDEX = "index"
ARCHIVE = b"PK\x03\x04"
"""What a workbook starts with, whatever its name."""
TOOL = "a VLMEvalKit table"


def looks_like(start: bytes, field: str) -> bool:
    """Whether a file's first line is the header of such a table."""
    names = start.decode("utf-8-sig", errors="replace").strip("\r\n").split("\t")
    return {INDEX, field} <= {name.strip('"') for name in names}


def table(path: Path, *, field: str) -> Foreign:
    """A tab-separated table. Raises IncompleteError naming a row of another length."""
    return _foreign(lines(path, delimiter="\t"), path, field)


def workbook(path: Path, *, field: str) -> Foreign:
    """The first sheet of an xlsx file. Raises ForeignFileError without openpyxl or the columns."""
    try:
        from openpyxl import load_workbook
    except ModuleNotFoundError as error:
        raise ForeignFileError(f"{path}: reading xlsx needs openpyxl; run: pip install 'evalkit-vlm[xlsx]'") from error
    try:
        # a file that is open already is read whatever its name ends in
        with path.open("rb") as file:
            book = load_workbook(file, read_only=True, data_only=True)
            return _foreign(_rows(book.worksheets[0].iter_rows(values_only=True), path, field), path, field)
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise ForeignFileError(f"{path}: not an xlsx file ({error}); save the table again") from error


def _rows(sheet: Iterable[Sequence[Any]], path: Path, field: str) -> list[dict[str, Any]]:
    rows = iter(sheet)
    names = [str(name) for name in next(rows, ())]
    missing = [name for name in (INDEX, field) if name not in names]
    if missing:
        raise ForeignFileError(f"{path}: there is no column {missing[0]!r}; name the replies' column by --field")
    return [dict(zip(names, row, strict=False)) for row in rows if any(cell is not None for cell in row)]


def _foreign(rows: Iterable[dict[str, Any]], path: Path, field: str) -> Foreign:
    replies = (
        ForeignReply(_plain(row[INDEX]), _plain(row[field]), {**row, "target": row.get("answer")}) for row in rows
    )
    return Foreign(TOOL, INDEX, once(replies, path))


def _plain(cell: object) -> str:
    """A cell's text; a spreadsheet may have made 7 of "7" or 7.0 of 7, and an empty reply is an empty cell."""
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
