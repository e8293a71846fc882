"""Where data sets may lie, and a data set as lazily read rows that know their content's digest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit import digest
from evalkit.errors import IncompleteError
from evalkit.media.cache import MediaCache

Row = dict[str, Any]
Reader = Callable[[Collection[str] | None, Collection[int] | None], Iterator[Row]]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look: mirrors (`--data DIR`) replace the hub; `bundled` is the package's data, `folder` the task's."""

    media_cache: MediaCache
    bundled: Path
    mirrors: tuple[Path, ...] = ()
    folder: Path = Path()
    offline: bool = False

    def file(self, path: str) -> Path:
        """A data file by name: beside the task, in a mirror or one folder below, or bundled.

        Raises IncompleteError saying where it looked.
        """
        folders = [self.folder, *self.mirrors, self.bundled]
        found = [folder / path for folder in folders if (folder / path).is_file()]
        found += [file for mirror in self.mirrors for file in sorted(mirror.glob(f"*/{path}")) if file.is_file()]
        if found:
            return found[0]
        looked = ", ".join(str(folder.absolute()) for folder in folders)
        raise IncompleteError(
            f"{path}: found neither in {looked} nor one folder below a mirror; name its folder by --data"
        )


class Table(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A data set on this machine.

    columns: those of the files and, where the source has subsets, the pseudo column `subset`; every row also has `row`,
    its 0-based position. root: where media named by relative paths lie. revision: the hub's commit, "" for local files.
    fingerprint: sha256 over the content of `files`. read: the source's own reader.
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


def numbered(rows: Iterable[Row], positions: Collection[int] | None) -> Iterator[Row]:
    """Rows with their position as `row` (unless a column is named so), only those wanted."""
    for position, row in enumerate(rows):
        if positions is None or position in positions:
            yield {"row": position, **row}


def fingerprint(files: Sequence[Path], media_cache: MediaCache) -> str:
    """The sha256 over the content of the files, in their order."""
    return digest.of([media_cache.digest(file) for file in files])
