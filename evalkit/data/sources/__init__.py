"""Sources of rows: the `kind` of `source` in a task file names one of these classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from evalkit.data.sources.csv import Csv, csv_table
from evalkit.data.sources.geometry3k import Geometry3k
from evalkit.data.sources.huggingface import HuggingFace
from evalkit.data.sources.jsonl import Jsonl, jsonl_table
from evalkit.data.sources.memory import Memory, Rows, table_of
from evalkit.data.sources.parquet import parquet_table
from evalkit.data.sources.table import DataPlaces, DataTable
from evalkit.data.sources.tsv import Tsv, tsv_table
from evalkit.errors import EvalkitError
from evalkit.media.cache import MediaCache

__all__ = [
    "Csv",
    "DataPlaces",
    "DataTable",
    "Geometry3k",
    "HuggingFace",
    "Jsonl",
    "Memory",
    "Rows",
    "Source",
    "SourceProtocol",
    "Tsv",
    "annotations_table",
    "table_of",
]

Source: TypeAlias = HuggingFace | Tsv | Jsonl | Csv | Geometry3k | Memory


class SourceProtocol(Protocol):
    """The contract of every member of `Source`: the fields of a task file that say where a data set is.

    Constructing one reads nothing; `open` does. A table's `rows(columns, positions)` may be called any number of times:
    it gives rows in the order of the files, as dicts of values by column, each with its 0-based position as `row`, and
    few of them are in memory at a time. Values are as the file has them; a picture is bytes, base64, a path below the
    table's `root` or an `Image`. The table's `fingerprint` is a sha256 over the content that the rows come from (not
    over names, paths or times), so that copies of a data set have the same one and any change of a byte gives another.
    """

    def open(self, places: DataPlaces) -> DataTable:
        """Find the data set in `places`, or download it.

        Raises IncompleteError, which names the folders or the mistake in a file, and ResumableError where the network
        failed. `rows` raises IncompleteError for a file that cannot be read to its end.
        """


if TYPE_CHECKING:

    def _every_source(source: Source) -> SourceProtocol:
        """mypy rejects this return where a member lacks a part of the protocol."""
        return source


TABLE_OF_SUFFIX = {
    ".jsonl": jsonl_table,
    ".json": jsonl_table,
    ".gz": jsonl_table,
    ".tsv": tsv_table,
    ".csv": csv_table,
    ".parquet": parquet_table,
}


def annotations_table(path: Path, media_cache: MediaCache) -> DataTable:
    """The table of a file in place of a task's source. Raises EvalkitError for a missing file or an unknown suffix."""
    if path.suffix not in TABLE_OF_SUFFIX:
        raise EvalkitError(f"{path}: not a known suffix; rename it to end in one of {', '.join(TABLE_OF_SUFFIX)}")
    if not path.is_file():
        raise EvalkitError(f"{path}: no such file; correct --annotations")
    return TABLE_OF_SUFFIX[path.suffix](path, media_cache)
