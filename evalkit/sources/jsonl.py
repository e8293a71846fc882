"""Rows of a jsonl file."""

from __future__ import annotations

from evalkit.sources.table import Places, Table
from evalkit.types import Value


class Jsonl(Value, frozen=True, kw_only=True, tag_field="kind", tag="jsonl"):
    """One jsonl file."""

    path: str

    def open(self, places: Places) -> Table:
        """Find the file. Raises IncompleteError saying where it looked."""
        raise NotImplementedError
