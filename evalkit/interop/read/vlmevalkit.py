"""Prediction tables of VLMEvalKit (`.tsv` or `.xlsx`): the benchmark's own columns with the reply as one more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from evalkit.data.sources.csv import csv_rows
from evalkit.errors import ForeignFileError
from evalkit.interop.read.predictions import PredictionFile, PredictionRow, unique_rows

INDEX = "index"
ARCHIVE = b"PK\x03\x04"
"""The first bytes of a workbook, whatever its name."""


def is_table_header(first_line: bytes, field: str) -> bool:
    """True if a file with this first line is a prediction table of VLMEvalKit."""
    names = first_line.decode("utf-8-sig", errors="replace").strip("\r\n").split("\t")
    return {INDEX, field} <= {name.strip('"') for name in names}


def read_table(path: Path, *, field: str) -> PredictionFile:
    """The replies of a tab-separated table. Raises IncompleteError, which names a row of another length."""
    return _prediction_file(csv_rows(path, delimiter="\t"), path, field)


def read_workbook(path: Path, *, field: str) -> PredictionFile:
    """The replies of an xlsx file's first sheet. Raises ForeignFileError without openpyxl or the columns."""
    try:
        from openpyxl import load_workbook
    except ModuleNotFoundError as error:
        raise ForeignFileError(f"{path}: reading xlsx needs openpyxl; run: pip install 'evalkit-vlm[xlsx]'") from error
    try:
        # openpyxl looks at a path's suffix, but not at that of an open file
        with path.open("rb") as file:
            book = load_workbook(file, read_only=True, data_only=True)
            rows = _sheet_rows(book.worksheets[0].iter_rows(values_only=True), path, field)
            return _prediction_file(rows, path, field)
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise ForeignFileError(f"{path}: not an xlsx file ({error}); save the table again") from error


def _sheet_rows(sheet: Iterable[Sequence[Any]], path: Path, field: str) -> list[dict[str, Any]]:
    rows = iter(sheet)
    names = [str(name) for name in next(rows, ())]
    missing = [name for name in (INDEX, field) if name not in names]
    if missing:
        raise ForeignFileError(f"{path}: there is no column {missing[0]!r}; name the replies' column by --field")
    return [dict(zip(names, row, strict=False)) for row in rows if any(cell is not None for cell in row)]


def _prediction_file(rows: Iterable[dict[str, Any]], path: Path, field: str) -> PredictionFile:
    predictions = (
        PredictionRow(_text(row[INDEX]), _text(row[field]), {**row, "target": row.get("answer")}) for row in rows
    )
    return PredictionFile("a VLMEvalKit table", INDEX, unique_rows(predictions, path))


def _text(cell: object) -> str:
    """A cell's text; a spreadsheet may have turned "7" into 7 or 7.0, and an empty reply into an empty cell."""
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
