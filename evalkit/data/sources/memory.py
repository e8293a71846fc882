"""Rows that a Python program has in memory, as a table like that of a file: equal content gives equal samples.

A list of dicts (or any iterable of mappings), a `datasets.Dataset` or a `pandas.DataFrame`. Neither library is imported
here, since a value of its type can only exist where the program has imported it.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from evalkit import digest
from evalkit.data.sources.table import DataPlaces, DataTable, Row, with_positions
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.types import Image, Value

if TYPE_CHECKING:
    from datasets import Dataset
    from pandas import DataFrame

Rows: TypeAlias = "Iterable[Mapping[str, Any]] | Dataset | DataFrame"

BATCH = 16
"""Rows of a `Dataset` decoded at a time, as many as of a parquet file."""
PNG_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
LOSSLESS_MODES = {"I": "I;16", "PA": "RGBA", "RGBa": "RGBA"}
"""For some modes that PNG lacks, a mode that keeps the pixel values. Any other mode is written as RGB."""


class Memory(Value, frozen=True, kw_only=True, tag_field="kind", tag="memory"):
    """The source of a task whose rows a Python program brings along."""

    def open(self, places: DataPlaces) -> DataTable:
        """Raises IncompleteError: no file holds these rows."""
        raise IncompleteError("source: memory: the task's rows are not in a file; call evalkit.evaluate with rows=...")


def table_of(rows: Rows, *, media_cache: MediaCache, root: Path) -> DataTable:
    """A table of rows in memory; a column that a row lacks is an empty cell, and so are None, NaN and NaT.

    A picture is bytes, the hub's `{"bytes": ..., "path": ...}`, base64 text, a path (text or `Path`, relative ones
    below `root`) or a `PIL.Image`. Bytes stay as they are. A `Dataset` gives the bytes and paths that it stores: no
    picture is decoded, and a transform set on it does not apply. A `PIL.Image` no longer has its file's bytes: it is
    written to `media_cache` as PNG, without loss, and so has another digest than the file it was read from.

    The fingerprint is the sha256 over all values, where bytes and pictures count by their sha256 and a path as the text
    it is, as in a file. Raises EvalkitError for a value that holds no rows.
    """
    fetch = _fetcher(rows, media_cache)
    columns: dict[str, None] = {}
    content = hashlib.sha256()
    for row in fetch(None):
        columns |= dict.fromkeys(row)
        content.update(digest.canonical(_content(row)) + b"\n")

    def read(names: Collection[str] | None, positions: Collection[int] | None) -> Iterator[Row]:
        return with_positions(fetch(names), positions)

    fingerprint = content.hexdigest()
    return DataTable(columns=tuple(columns), root=root, revision="", fingerprint=fingerprint, files=(), read=read)


def _fetcher(rows: Rows, media_cache: MediaCache) -> Callable[[Collection[str] | None], Iterable[Row]]:
    """A function that gives the rows from the first on, with at least the columns of these names (None: all)."""
    if _is_of(rows, "datasets", "Dataset", "IterableDataset"):
        arrow = rows.with_format("arrow")  # type: ignore[union-attr]  # tables as stored: pictures are not decoded
        return lambda names: _dataset_rows(arrow, names)
    if _is_of(rows, "pandas", "DataFrame"):
        rows = rows.astype(object).where(rows.notna(), None).to_dict("records")  # type: ignore[union-attr]
    if isinstance(rows, Mapping):
        raise EvalkitError(
            f"rows: a mapping of {', '.join(map(str, rows))[:80]} is not a table; pass one of its values"
        )
    complete = _complete_rows(rows, media_cache)
    return lambda _: complete


def _is_of(value: object, module: str, *names: str) -> bool:
    """True if `value` is an instance of one of these classes of a module; the module is not imported to find out."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, tuple(getattr(loaded, name) for name in names))


def _dataset_rows(dataset: Any, names: Collection[str] | None) -> Iterator[Row]:
    columns = dataset.column_names
    if names is not None and columns:
        dataset = dataset.select_columns([name for name in columns if name in names] or columns[:1])
    for batch in dataset.iter(batch_size=BATCH):
        yield from batch.to_pylist()


def _complete_rows(rows: Iterable[Mapping[str, Any]], media_cache: MediaCache) -> list[Row]:
    """The rows with values as a file would give them, and None for a column that a row lacks."""
    plain: list[Row] = []
    for position, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise EvalkitError(f"rows: row {position} is a {type(row).__name__}, not a mapping of columns to values")
        plain.append({str(name): _plain_value(value, position, media_cache) for name, value in row.items()})
    empty = dict.fromkeys(name for row in plain for name in row)
    return [{**empty, **row} for row in plain]


def _plain_value(value: Any, position: int, media_cache: MediaCache) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()  # a lone surrogate is "?"
    if isinstance(value, Mapping):
        return {str(name): _plain_value(inner, position, media_cache) for name, inner in value.items()}
    if _is_of(value, "numpy", "ndarray", "generic"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain_value(item, position, media_cache) for item in value]
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Path):
        return str(value)
    if _is_of(value, "PIL.Image", "Image"):
        return _encoded(value, position, media_cache)
    return None if isinstance(value, float) and value != value else value


def _encoded(picture: Any, position: int, media_cache: MediaCache) -> Image:
    """The picture as a PNG file; one that cannot be read has no digest, which costs its sample and not the run."""
    file = io.BytesIO()
    try:
        if picture.mode not in PNG_MODES:
            picture = picture.convert(LOSSLESS_MODES.get(picture.mode, "RGB"))
        picture.save(file, format="PNG", exif=picture.info.get("exif", b""))  # keeps the orientation for `exif: apply`
    except (OSError, ValueError, SyntaxError) as error:
        return Image(f"of row {position}, which cannot be encoded ({error})", "")
    return Image(*media_cache.put(file.getvalue()))


def _content(value: Any) -> Any:
    """The value as the fingerprint counts it: a picture by its content, whatever its form, and no empty fields.

    Arrow fills a field that a struct lacks with None, a dict simply lacks it.
    """
    if isinstance(value, Mapping):
        if value and value.keys() <= {"bytes", "path"}:
            return _content(value.get("bytes") or value.get("path"))
        return {name: _content(inner) for name, inner in value.items() if inner is not None and inner == inner}
    if isinstance(value, list):
        return [_content(item) for item in value]
    if isinstance(value, bytes):
        return {"sha256": digest.of_bytes(value)}
    if isinstance(value, Image):
        return {"sha256": value.digest} if value.digest else value.path
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
