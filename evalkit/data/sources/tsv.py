"""Rows of the benchmark TSV files, in which a picture is base64 or the index of another row that has it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from evalkit.data.sources.csv import csv_header, csv_rows
from evalkit.data.sources.table import DataPlaces, DataTable, Row, file_table, with_positions
from evalkit.media.cache import MediaCache
from evalkit.types import Image, Value

LONGEST_INDEX = 64
"""A picture of at most this many characters is another row's index (VLMEvalKit, `ImageBaseDataset`)."""
IMAGE, INDEX = "image", "index"


class Tsv(Value, frozen=True, kw_only=True, tag_field="kind", tag="tsv"):
    """A tab-separated file with a header line, such as MMBench_DEV_EN.tsv."""

    path: str

    def open(self, places: DataPlaces) -> DataTable:
        """Find the file. Raises IncompleteError where there is none or its header is wrong."""
        return tsv_table(places.find_file(self.path), places.media_cache)


def tsv_table(path: Path, media_cache: MediaCache) -> DataTable:
    """A tab-separated file as a table. Raises IncompleteError.

    An index in place of a picture becomes the other row's picture, written to the media cache. Where no row has it the
    picture has an empty digest, so that the question is never asked without it.
    """
    columns = csv_header(path, delimiter="\t")

    def read(names: Collection[str] | None, positions: Collection[int] | None) -> Iterator[Row]:
        rows = with_positions(csv_rows(path, delimiter="\t"), positions)
        if {IMAGE, INDEX} <= set(columns) and (names is None or IMAGE in names):
            return _fill_pictures(rows, _referenced_pictures(path, media_cache, positions), path)
        return rows

    return file_table(path, columns, read, media_cache)


def _fill_pictures(rows: Iterator[Row], pictures: Mapping[str, Image], path: Path) -> Iterator[Row]:
    for row in rows:
        if 0 < len(row[IMAGE]) <= LONGEST_INDEX:
            row[IMAGE] = pictures.get(row[IMAGE], Image(f"of row {row[IMAGE]} of {path}", ""))
        yield row


def _referenced_pictures(path: Path, media_cache: MediaCache, positions: Collection[int] | None) -> dict[str, Image]:
    """Pictures by the index that other rows name, which may be a later row, or a row that names a third one.

    Only indices are in memory, and only pictures that the rows at `positions` need are written.
    """
    next_index: dict[str, str] = {}
    wanted = set()
    for row in with_positions(csv_rows(path, delimiter="\t"), None):
        if 0 < len(row[IMAGE]) <= LONGEST_INDEX:
            next_index[row[INDEX]] = row[IMAGE]
            if positions is None or row["row"] in positions:
                wanted.add(row[IMAGE])
    last_index = {index: _last_index(index, next_index) for index in wanted}
    owners = set(last_index.values())
    pictures = {}
    if owners:
        for row in csv_rows(path, delimiter="\t"):
            if row[INDEX] in owners and len(row[IMAGE]) > LONGEST_INDEX:
                pictures[row[INDEX]] = _picture(row, path, media_cache)
    return {index: pictures[last] for index, last in last_index.items() if last in pictures}


def _last_index(index: str, next_index: Mapping[str, str]) -> str:
    """The index at which a chain of references ends; any member of a circle, none of which has a picture."""
    visited = set()
    while index in next_index and index not in visited:
        visited.add(index)
        index = next_index[index]
    return index


def _picture(row: Row, path: Path, media_cache: MediaCache) -> Image:
    try:
        return Image(*media_cache.put(base64.b64decode(row[IMAGE], validate=True)))
    except binascii.Error:  # by its empty digest it becomes a problem of every sample that shows it
        return Image(f"of row {row[INDEX]} of {path} (broken base64)", "")
