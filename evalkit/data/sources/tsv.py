"""Rows of the benchmark TSV files whose picture cells hold base64, or the index of the row that has the picture."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from evalkit.data.sources.csv import header, lines
from evalkit.data.sources.table import Places, Row, Table, fingerprint, numbered
from evalkit.media.cache import MediaCache
from evalkit.types import Image, Value

REFERENCE = 64
"""A picture cell of at most so many characters is another row's index (VLMEvalKit, `ImageBaseDataset`)."""
IMAGE, INDEX = "image", "index"


class Tsv(Value, frozen=True, kw_only=True, tag_field="kind", tag="tsv"):
    """A tab-separated file with a header line, such as MMBench_DEV_EN.tsv."""

    path: str

    def open(self, places: Places) -> Table:
        """Find the file. Raises IncompleteError saying where it looked, or what is wrong with its header."""
        return table(places.file(self.path), places.media_cache)


def table(path: Path, media_cache: MediaCache) -> Table:
    """A tab-separated file as a table. Raises IncompleteError.

    Picture cells that refer to another row become that row's picture, put into the media cache; a missing row's picture
    has an empty digest, so that the question is never asked without.
    """
    columns = header(path, delimiter="\t")

    def read(asked: Collection[str] | None, positions: Collection[int] | None) -> Iterator[Row]:
        rows = numbered(lines(path, delimiter="\t"), positions)
        if {IMAGE, INDEX} <= set(columns) and (asked is None or IMAGE in asked):
            return _resolved(rows, _referenced(path, media_cache, positions), path)
        return rows

    found = fingerprint([path], media_cache)
    return Table(columns=columns, root=path.parent, revision="", fingerprint=found, files=(path,), read=read)


def _resolved(rows: Iterator[Row], pictures: Mapping[str, Image], path: Path) -> Iterator[Row]:
    for row in rows:
        if 0 < len(row[IMAGE]) <= REFERENCE:
            row[IMAGE] = pictures.get(row[IMAGE], Image(f"of row {row[IMAGE]} of {path}", ""))
        yield row


def _referenced(path: Path, media_cache: MediaCache, positions: Collection[int] | None) -> dict[str, Image]:
    """Pictures by the index that cells refer to, also forward and through another reference.

    Only indices are held in memory, and only pictures that the rows at `positions` need are written.
    """
    target: dict[str, str] = {}
    wanted = set()
    for row in numbered(lines(path, delimiter="\t"), None):
        if 0 < len(row[IMAGE]) <= REFERENCE:
            target[row[INDEX]] = row[IMAGE]
            if positions is None or row["row"] in positions:
                wanted.add(row[IMAGE])
    ends = {index: _end(index, target) for index in wanted}
    needed = set(ends.values())
    pictures = {}
    if needed:
        for row in lines(path, delimiter="\t"):
            if row[INDEX] in needed and len(row[IMAGE]) > REFERENCE:
                pictures[row[INDEX]] = _picture(row, path, media_cache)
    return {index: pictures[end] for index, end in ends.items() if end in pictures}


def _end(index: str, target: Mapping[str, str]) -> str:
    """The last row of a chain of references; a circle ends nowhere."""
    seen = set()
    while index in target and index not in seen:
        seen.add(index)
        index = target[index]
    return index


def _picture(row: Row, path: Path, media_cache: MediaCache) -> Image:
    try:
        return Image(*media_cache.put(base64.b64decode(row[IMAGE], validate=True)))
    except binascii.Error:  # told for each sample that shows it, by the empty digest
        return Image(f"of row {row[INDEX]} of {path} (broken base64)", "")
