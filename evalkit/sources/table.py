"""Where data sets may lie, and a data set as lazily read rows that know their content's digest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from evalkit.media import Library

Reader = Callable[[Collection[str] | None, Collection[int] | None], Iterator[dict[str, Any]]]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look: mirrors (`--data DIR`) replace the hub; `bundled` is the package's data, `folder` the task's."""

    library: Library
    bundled: Path
    mirrors: tuple[Path, ...] = ()
    folder: Path = Path()
    offline: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A data set on this machine.

    root: where media named by relative paths lie. revision: the hub's commit, "" for local files. fingerprint: sha256
    over the content of `files`. read: the source's own reader.
    """

    columns: tuple[str, ...]
    root: Path
    revision: str
    fingerprint: str
    files: tuple[Path, ...]
    read: Reader

    def rows(
        self, columns: Collection[str] | None = None, positions: Collection[int] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Rows in file order with these columns (all), at these 0-based positions (all); one row in memory or few.

        Every row also has the pseudo columns `subset` (where the source has subsets) and `row`, its position.
        """
        return self.read(columns, positions)
