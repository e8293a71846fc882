"""Rows of a tsv file."""

from __future__ import annotations

from evalkit.sources.table import Places, Table
from evalkit.types import Value


class Tsv(Value, frozen=True, kw_only=True, tag_field="kind", tag="tsv"):
    """One tsv file."""

    path: str

    def open(self, places: Places) -> Table:
        """Find the file. Raises IncompleteError saying where it looked."""
        raise NotImplementedError
