"""Rows of a Hugging Face data set's parquet files: from a mirror, the package or the hub."""

from __future__ import annotations

from evalkit.sources.table import Places, Table
from evalkit.types import Value


class HuggingFace(Value, frozen=True, kw_only=True, tag_field="kind", tag="huggingface"):
    """A data set of the hub at a revision; each of `subsets` becomes the pseudo column `subset`.

    files: globs of the parquet files in place of the usual layouts ("{subset}" is filled in). media: globs of files
    that rows refer to (zips of videos), fetched beside them. bundled: the data ships inside the package.
    """

    path: str
    split: str
    revision: str = "main"
    subsets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    bundled: bool = False

    def open(self, places: Places) -> Table:
        """Find or fetch the files. Raises IncompleteError saying where it looked, or why the hub did not give them."""
        raise NotImplementedError
