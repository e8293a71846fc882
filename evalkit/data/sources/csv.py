"""Rows of a local comma-separated file; its pictures are paths beside it or base64."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from evalkit.data.sources.table import DataPlaces, DataTable, Row, file_table, with_positions
from evalkit.errors import IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.types import Value

LARGEST = 1 << 30
"""Characters of a cell, at most; the csv module's own 131,072 are too few for a picture in base64."""


class Csv(Value, frozen=True, kw_only=True, tag_field="kind", tag="csv"):
    """A file with a header line, UTF-8, quoted as spreadsheets do."""

    path: str

    def open(self, places: DataPlaces) -> DataTable:
        """Find the file. Raises IncompleteError where there is none or its header is wrong."""
        return csv_table(places.find_file(self.path), places.media_cache)


def csv_table(path: Path, media_cache: MediaCache) -> DataTable:
    """A comma-separated file as a table. Raises IncompleteError."""

    def read(_: Collection[str] | None, positions: Collection[int] | None) -> Iterator[Row]:
        return with_positions(csv_rows(path, delimiter=","), positions)

    columns = csv_header(path, delimiter=",")
    return file_table(path, columns, read, media_cache)


def csv_header(path: Path, *, delimiter: str) -> tuple[str, ...]:
    """The column names in a file's first line. Raises IncompleteError for none, or one that occurs twice."""
    names = next(_records(path, delimiter), [])
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None or not names:
        mistake = "is empty" if not names else f"names the column {repeated!r} twice"
        raise IncompleteError(f"{path}: the header line {mistake}; correct the file")
    return tuple(names)


def csv_rows(path: Path, *, delimiter: str) -> Iterator[Row]:
    """Rows by column name, one in memory at a time. Raises IncompleteError for a row of another length."""
    records = _records(path, delimiter)
    names = next(records, [])
    for number, cells in enumerate(records, start=1):
        if len(cells) != len(names) and cells:
            raise IncompleteError(
                f"{path}: row {number} has {len(cells)} cells, but the header names {len(names)}; fetch the file again"
            )
        if cells:
            yield dict(zip(names, cells, strict=True))


def _records(path: Path, delimiter: str) -> Iterator[list[str]]:
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            while (cells := _next_record(reader)) is not None:
                number += 1
                yield cells
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise IncompleteError(f"{path}: cannot be read after row {number} ({error}); fetch the file again") from error


def _next_record(reader: Iterator[list[str]]) -> list[str] | None:
    """The next record, read under our own cell limit: the csv module has one limit per process, which is restored."""
    before = csv.field_size_limit(LARGEST)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)
