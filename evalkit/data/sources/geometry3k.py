"""Rows of Geometry3K as its authors publish it: a folder or a zip with one numbered folder per problem."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import msgspec

from evalkit.data.sources.table import DataPlaces, DataTable, Row, files_digest, with_positions
from evalkit.errors import IncompleteError
from evalkit.media.archive import media_errors
from evalkit.types import Value

PICTURES = ("img_diagram", "img_diagram_point", "img_problem")
"""The figure, the figure with its points named, the whole problem with its text and options (lupantech/InterGPS)."""

PROBLEM = re.compile(r"(?!__MACOSX)(?:[^/]+/)*(\d+)/data\.json")


class Geometry3k(Value, frozen=True, kw_only=True, tag_field="kind", tag="geometry3k"):
    """`<split>/<number>/data.json` with three pictures beside it, in folder `path` or in its `<split>.zip`.

    Columns are the fields of data.json, and each of the pictures by its name without ".png".
    """

    path: str
    split: str

    def open(self, places: DataPlaces) -> DataTable:
        """Find the problems. Raises IncompleteError where there are none or one is broken."""
        bases = (places.folder, *places.mirrors, places.bundled)
        roots = [base / self.path for base in bases] + list(places.mirrors)
        for root in roots:
            members = _members(root / self.split, root / f"{self.split}.zip")
            if members:
                return _table(root, root / f"{self.split}.zip", members, places)
        names = ", ".join(str(root.absolute()) for root in roots)
        raise IncompleteError(f"{self.path}: neither {self.split}/ nor {self.split}.zip in {names}; put it there")


def _members(folder: Path, archive: Path) -> dict[int, str]:
    """The path of each problem's data.json below the root, or its name in the zip, by the problem's number."""
    names: list[str] = []
    if folder.is_dir():
        names = [path.relative_to(folder.parent).as_posix() for path in folder.glob("*/data.json")]
    elif archive.is_file():
        with media_errors(str(archive), "archive"), zipfile.ZipFile(archive) as zip_file:
            names = zip_file.namelist()
    return dict(sorted((int(match[1]), name) for name in names if (match := PROBLEM.fullmatch(name))))


def _table(root: Path, archive: Path, members: dict[int, str], places: DataPlaces) -> DataTable:
    files = [root / name for name in members.values()]
    is_folder = files[0].is_file()
    read_all = partial(_rows, root, None if is_folder else archive, members)

    def read(_: Collection[str] | None, positions: Collection[int] | None) -> Iterator[Row]:
        return with_positions(read_all(), positions)

    columns = tuple(dict.fromkeys(name for row in read_all() for name in row))
    paths = tuple(files) if is_folder else (archive,)
    fingerprint = files_digest(paths, places.media_cache)
    return DataTable(columns=columns, root=root, revision="", fingerprint=fingerprint, files=paths, read=read)


def _rows(root: Path, archive: Path | None, members: dict[int, str]) -> Iterator[Row]:
    if archive is None:
        for number, name in members.items():
            yield _row(number, name, (root / name).read_bytes(), str(root / name))
        return
    with media_errors(str(archive), "archive"), zipfile.ZipFile(archive) as zip_file:
        for number, name in members.items():
            yield _row(number, name, zip_file.read(name), f"{archive}!/{name}")


def _row(number: int, name: str, data: bytes, where: str) -> Row:
    """The row of a data.json. Raises IncompleteError where it is no JSON object."""
    try:
        fields = msgspec.json.decode(data, type=Row)
    except msgspec.DecodeError as error:
        raise IncompleteError(f"{where}: not a JSON object ({error}); fetch it again") from error
    folder = PurePosixPath(name).parent
    return {"id": number, **fields, **{picture: f"{folder}/{picture}.png" for picture in PICTURES}}
