"""Rows of parquet files, a few in memory at a time, with pictures as the bytes that the files hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from evalkit.data.sources.table import DataTable, Row, files_digest
from evalkit.errors import IncompleteError
from evalkit.media.cache import MediaCache

BATCH = 16
"""Rows decoded at a time: sixteen pictures of a few megabytes take less than 100 MB."""


def parquet_table(path: Path, media_cache: MediaCache) -> DataTable:
    """One parquet file as a table. Raises IncompleteError."""
    return shards_table(((path, ""),), root=path.parent, revision="", media_cache=media_cache)


def shards_table(files: Sequence[tuple[Path, str]], *, root: Path, revision: str, media_cache: MediaCache) -> DataTable:
    """The rows of several files, each with its subset ("": none), as one table. Raises IncompleteError."""
    headers = [_header(path) for path, _ in files]
    # only columns that all files have: one subset may have more of them than another
    columns = tuple(name for name in headers[0][0] if all(name in names for names, _ in headers))
    if files[0][1] and "subset" not in columns:
        columns += ("subset",)

    def read(names: Collection[str] | None, positions: Collection[int] | None) -> Iterator[Row]:
        first = 0
        for (path, subset), (_, count) in zip(files, headers, strict=True):
            pseudo = {"subset": subset} if subset else {}
            for position, row in _read_file(path, names, first, positions):
                yield {"row": position, **pseudo, **row}
            first += count

    paths = tuple(path for path, _ in files)
    fingerprint = files_digest(paths, media_cache)
    return DataTable(columns=columns, root=root, revision=revision, fingerprint=fingerprint, files=paths, read=read)


def _open(path: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path, pre_buffer=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise IncompleteError(f"{path}: not a readable parquet file ({error}); fetch it again") from error


def _header(path: Path) -> tuple[tuple[str, ...], int]:
    """The names of the columns and the number of rows."""
    with _open(path) as file:
        return tuple(file.schema_arrow.names), int(file.metadata.num_rows)


def _read_file(
    path: Path, names: Collection[str] | None, first: int, positions: Collection[int] | None
) -> Iterator[tuple[int, Row]]:
    """Rows with their positions, counted from `first`; row groups without any of `positions` are not read."""
    import pyarrow

    with _open(path) as file:
        columns = None if names is None else [name for name in file.schema_arrow.names if name in names]
        try:
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if positions is None or any(first <= position < first + count for position in positions):
                    yield from _read_group(file, group, columns, first, positions)
                first += count
        except (pyarrow.ArrowException, OSError) as error:
            raise IncompleteError(f"{path}: cannot be read to its end ({error}); fetch it again") from error


def _read_group(
    file: Any, group: int, columns: Sequence[str] | None, first: int, positions: Collection[int] | None
) -> Iterator[tuple[int, Row]]:
    if columns is not None and not columns:
        yield from ((first + n, {}) for n in range(file.metadata.row_group(group).num_rows))
        return
    for batch in file.iter_batches(BATCH, row_groups=[group], columns=columns, use_threads=False):
        for n in range(batch.num_rows):
            if positions is None or first + n in positions:
                yield first + n, batch.slice(n, 1).to_pylist()[0]
        first += batch.num_rows
