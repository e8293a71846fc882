"""A cache folder of media named by their content, and where a data set's pictures and videos lie."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO

import msgspec

from evalkit import digest
from evalkit.errors import EvalkitError, MediaError
from evalkit.media.archive import reading

LARGE = 1 << 24
"""Bytes from which a file's digest is kept on disk: hashing a folder of videos takes minutes."""


class Library(msgspec.Struct, frozen=True, eq=False):
    """A cache folder of media named by their sha256; any number of processes may fill it at once.

    Files that lie on disk already stay where they are. A member of a zip is read in place where it is stored, and
    extracted into the folder where it is compressed, since videos are read at random.
    """

    folder: Path
    digests: dict[tuple[str, int, int], str] = msgspec.field(default_factory=dict)
    members: dict[Path, dict[str, Path]] = msgspec.field(default_factory=dict)

    def put(self, data: bytes) -> tuple[str, str]:
        """Path and digest of these very bytes, written if they are new; never re-encoded."""
        name = digest.of_bytes(data)
        path = self._path(name)
        if not (path.is_file() and path.stat().st_size == len(data)):
            self._write(path, (data,))
        return str(path), name

    def digest(self, path: Path) -> str:
        """The sha256 of a file, read once per (path, size, time of change); large files are remembered on disk."""
        facts = path.stat()
        return self._known(str(path.absolute()), facts, facts.st_size, lambda: digest.of_file(path))

    def find(self, root: Path, names: Sequence[str]) -> tuple[str, str] | None:
        """Path and digest of the first of `names` that exists under `root`, else in a zip that lies in `root`.

        Raises MediaError for a name that leaves `root`.
        """
        root = root.absolute()  # a worker may run in another folder
        for name in names:
            if ".." in PurePosixPath(name).parts:
                raise MediaError(f"the path {name[:200]!r} leaves the data folder {root}; write it without '..'")
            if "\0" not in name and len(name) < 1024 and (root / name).is_file():
                return str(root / name), self.digest(root / name)
        members = self._members(root)
        found = next((name for name in names if name in members), None)
        return None if found is None else self._member(members[found], found)

    def _path(self, name: str) -> Path:
        return self.folder.absolute() / name[:2] / name

    def _write(self, path: Path, pieces: Iterable[bytes]) -> str:
        """Write atomically; `path` may be a folder, then the file is named by its content. Returns the digest."""
        found = hashlib.sha256()
        with self._new() as file:
            for piece in pieces:
                found.update(piece)
                file.write(piece)
        name = found.hexdigest()
        target = self._path(name) if path == self.folder else path
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(file.name).replace(target)
        return name

    def _new(self) -> IO[bytes]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return NamedTemporaryFile(dir=self.folder, prefix="writing-", delete=False)
        except OSError as error:
            raise EvalkitError(
                f"{self.folder}: the cache cannot be written ({error.strerror}); name another folder as EVALKIT_CACHE"
            ) from error

    def _known(self, place: str, facts: os.stat_result, size: int, read: Callable[[], str]) -> str:
        key = (place, facts.st_size, facts.st_mtime_ns)
        if key not in self.digests:
            note = self.folder / "known" / digest.of(key)
            if size >= LARGE and note.is_file():
                self.digests[key] = note.read_text()
            else:
                self.digests[key] = read()
                if size >= LARGE:
                    self._write(note, (self.digests[key].encode(),))
        return self.digests[key]

    def _members(self, root: Path) -> dict[str, Path]:
        """Which zip in `root` holds which member; every zip's index is read once."""
        if root not in self.members:
            index: dict[str, Path] = {}
            for path in sorted(root.glob("*.zip")):
                with reading(str(path), "archive"), zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        index.setdefault(name, path)
            self.members[root] = index
        return self.members[root]

    def _member(self, path: Path, name: str) -> tuple[str, str]:
        place = f"{path}!/{name}"
        with reading(place, "archive"), zipfile.ZipFile(path) as archive:
            info = archive.getinfo(name)
            stored = info.compress_type == zipfile.ZIP_STORED

            def read() -> str:
                with archive.open(info) as file:
                    pieces = iter(lambda: file.read(1 << 20), b"")
                    return _sha256(pieces) if stored else self._write(self.folder, pieces)

            found = self._known(place, path.stat(), info.file_size, read)
            if not stored and not self._path(found).is_file():
                found = read()
        return (place if stored else str(self._path(found))), found


def _sha256(pieces: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()
