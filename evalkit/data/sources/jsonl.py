"""Rows of a JSON Lines file, plain or gzip-compressed."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from evalkit.data.sources.table import DataPlaces, DataTable, Row, file_table, with_positions
from evalkit.errors import IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.text_files import json_object, lines
from evalkit.types import Value


class Jsonl(Value, frozen=True, kw_only=True, tag_field="kind", tag="jsonl"):
    """One object per line; a key that a line lacks is an empty cell. Media lie beside the file."""

    path: str

    def open(self, places: DataPlaces) -> DataTable:
        """Find the file. Raises IncompleteError where there is none or a line is broken."""
        return jsonl_table(places.find_file(self.path), places.media_cache)


def jsonl_table(path: Path, media_cache: MediaCache) -> DataTable:
    """A JSON Lines file as a table; its columns are all keys that occur. Raises IncompleteError."""
    columns = tuple(dict.fromkeys(key for row in _objects(path) for key in row))
    empty = dict.fromkeys(columns)

    def read(_: Collection[str] | None, positions: Collection[int] | None) -> Iterator[Row]:
        return with_positions(({**empty, **row} for row in _objects(path)), positions)

    return file_table(path, columns, read, media_cache)


def _objects(path: Path) -> Iterator[Row]:
    number = 0
    try:
        for line in lines(path):
            number += 1
            if line.strip():
                yield json_object(line)
    except ValueError as error:
        raise IncompleteError(f"{path}:{number}: not a JSON object ({error}); correct the line") from error
    except (EOFError, zlib.error, OSError) as error:
        raise IncompleteError(f"{path}: cannot be read after line {number} ({error}); fetch the file again") from error
