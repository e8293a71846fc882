"""Where rows come from: `kind` in a task file chooses one of these."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from evalkit.data.sources import csv, jsonl, parquet, tsv
from evalkit.data.sources.csv import Csv
from evalkit.data.sources.geometry3k import Geometry3k
from evalkit.data.sources.huggingface import HuggingFace
from evalkit.data.sources.jsonl import Jsonl
from evalkit.data.sources.table import Places, Table
from evalkit.data.sources.tsv import Tsv
from evalkit.errors import EvalkitError
from evalkit.media.cache import MediaCache

__all__ = ["Csv", "Geometry3k", "HuggingFace", "Jsonl", "Places", "Source", "Table", "Tsv", "annotated"]

Source: TypeAlias = HuggingFace | Tsv | Jsonl | Csv | Geometry3k

READERS = {
    ".jsonl": jsonl.table,
    ".json": jsonl.table,
    ".gz": jsonl.table,
    ".tsv": tsv.table,
    ".csv": csv.table,
    ".parquet": parquet.table,
}


def annotated(path: Path, media_cache: MediaCache) -> Table:
    """A file of annotations that stands in for a task's own source, read as its suffix says. Raises EvalkitError."""
    if path.suffix not in READERS:
        raise EvalkitError(f"{path}: cannot tell what it holds; name it with one of {', '.join(READERS)}")
    if not path.is_file():
        raise EvalkitError(f"{path}: no such file; correct --annotations")
    return READERS[path.suffix](path, media_cache)
