"""Recorded replies in place of a model: any file of predictions can be scored as if its model ran here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.types import Value

if TYPE_CHECKING:
    from evalkit.backends import Loaded


class Replay(Value, frozen=True, kw_only=True, tag_field="kind", tag="replay"):
    """Replies from `path`, JSON lines (`.gz` too) of an `id` and a `field` each, given by sample id."""

    path: str
    field: str = "prediction"
    id: str = "id"

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """The sha256 of the file, and which fields are read."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises ModelError where there is no such file."""

    def load(self, *, device: str = "") -> Loaded:
        """Read the whole file; raises ModelError naming file and line. `device` does not matter."""
        raise NotImplementedError
