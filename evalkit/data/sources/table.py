"""A data set as a table of lazily read rows with a digest of its content, and the folders where data sets lie."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit import digest
from evalkit.errors import IncompleteError
from evalkit.media.cache import MediaCache

Row = dict[str, Any]
"""The values of one row by column name, as a source reads them: `references.Row`, and its reader may change it."""
Reader = Callable[[Collection[str] | None, Collection[int] | None], Iterator[Row]]
"""(columns, positions) -> rows, as `DataTable.rows` describes them."""


class DataPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """The folders in which data sets are looked for.

    mirrors: local copies (`--data DIR`), in place of the hub. bundled: the data that the package contains. folder: that
    of the task file, from which its relative paths start. offline: nothing is downloaded.
    """

    media_cache: MediaCache
    bundled: Path
    mirrors: tuple[Path, ...] = ()
    folder: Path = Path()
    offline: bool = False

    def find_file(self, path: str) -> Path:
        """The first file `path` beside the task, in a mirror, in the bundled data or one folder below a mirror.

        Raises IncompleteError, which names the folders.
        """
        folders = [self.folder, *self.mirrors, self.bundled]
        files = [folder / path for folder in folders if (folder / path).is_file()]
        files += [file for mirror in self.mirrors for file in sorted(mirror.glob(f"*/{path}")) if file.is_file()]
        if files:
            return files[0]
        names = ", ".join(str(folder.absolute()) for folder in folders)
        raise IncompleteError(
            f"{path}: found neither in {names} nor one folder below a mirror; name its folder by --data"
        )


class DataTable(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A data set on this machine.

    columns: those of the files and, where the source has subsets, the pseudo column `subset`; every row also has `row`,
    its 0-based position. root: the folder below which media with relative paths lie. revision: the hub's commit, "" for
    local data. fingerprint: sha256 over the content. files: empty for rows in memory. read: the source's own reader.
    """

    columns: tuple[str, ...]
    root: Path
    revision: str
    fingerprint: str
    files: tuple[Path, ...]
    read: Reader

    def rows(self, columns: Collection[str] | None = None, positions: Collection[int] | None = None) -> Iterator[Row]:
        """Rows in file order, with at least these columns (None: all), at these positions (None: all).

        Few rows are in memory at a time. Raises IncompleteError for a file that cannot be read to its end.
        """
        return self.read(columns, positions)


def with_positions(rows: Iterable[Row], positions: Collection[int] | None) -> Iterator[Row]:
    """The rows at `positions` (None: all), each with its position as `row` unless a column has that name."""
    for position, row in enumerate(rows):
        if positions is None or position in positions:
            yield {"row": position, **row}


def file_table(path: Path, columns: tuple[str, ...], read: Reader, media_cache: MediaCache) -> DataTable:
    """The table of one local file; relative paths of media start from its folder."""
    fingerprint = files_digest([path], media_cache)
    return DataTable(columns=columns, root=path.parent, revision="", fingerprint=fingerprint, files=(path,), read=read)


def files_digest(files: Sequence[Path], media_cache: MediaCache) -> str:
    """The sha256 over the content of the files, in their order."""
    return digest.of([media_cache.digest(file) for file in files])
