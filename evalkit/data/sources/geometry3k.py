"""Rows of Geometry3K as its authors publish it: a folder, or a zip, with one numbered folder for every problem."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import msgspec

from evalkit.data.sources.table import Places, Row, Table, fingerprint, numbered
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

    def open(self, places: Places) -> Table:
        """Find the problems. Raises IncompleteError saying where it looked, or what is broken."""
        bases = (places.folder, *places.mirrors, places.bundled)
        roots = [base / self.path for base in bases] + list(places.mirrors)
        for root in roots:
            members = _members(root / self.split, root / f"{self.split}.zip")
            if members:
                return _table(root, root / f"{self.split}.zip", members, places)
        looked = ", ".join(str(root.absolute()) for root in roots)
        raise IncompleteError(f"{self.path}: neither {self.split}/ nor {self.split}.zip in {looked}; put it there")


def _members(folder: Path, archive: Path) -> dict[int, str]:
    """Problems by number: where each data.json lies below the root, or in the zip."""
    names: list[str] = []
    if folder.is_dir():
        names = [path.relative_to(folder.parent).as_posix() for path in folder.glob("*/data.json")]
    elif archive.is_file():
        with media_errors(str(archive), "archive"), zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
    found = {int(match[1]): name for name in names if (match := PROBLEM.fullmatch(name))}
    return dict(sorted(found.items()))


def _table(root: Path, archive: Path, members: dict[int, str], places: Places) -> Table:
    files = [root / name for name in members.values()]
    unpacked = files[0].is_file()
    read_all = partial(_rows, root, None if unpacked else archive, members)

    def read(_: Collection[str] | None, positions: Collection[int] | None) -> Iterator[Row]:
        return numbered(read_all(), positions)

    columns = tuple(dict.fromkeys(name for row in read_all() for name in row))
    paths = tuple(files) if unpacked else (archive,)
    found = fingerprint(paths, places.media_cache)
    return Table(columns=columns, root=root, revision="", fingerprint=found, files=paths, read=read)


def _rows(root: Path, archive: Path | None, members: dict[int, str]) -> Iterator[Row]:
    if archive is None:
        for number, name in members.items():
            yield _row(number, name, (root / name).read_bytes(), str(root / name))
        return
    with media_errors(str(archive), "archive"), zipfile.ZipFile(archive) as opened:
        for number, name in members.items():
            yield _row(number, name, opened.read(name), f"{archive}!/{name}")


def _row(number: int, name: str, data: bytes, where: str) -> Row:
    """Raises IncompleteError for what is no JSON object."""
    try:
        fields = msgspec.json.decode(data, type=Row)
    except msgspec.DecodeError as error:
        raise IncompleteError(f"{where}: not a JSON object ({error}); fetch it again") from error
    folder = PurePosixPath(name).parent
    return {"id": number, **fields, **{picture: f"{folder}/{picture}.png" for picture in PICTURES}}
