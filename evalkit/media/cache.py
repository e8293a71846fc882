"""The media cache: a folder of media named by their content, which any number of processes may fill at once."""

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
from evalkit.errors import MediaError
from evalkit.media.archive import media_errors
from evalkit.text_files import unwritable

LARGE = 1 << 24
"""Bytes from which a file's digest is kept on disk: hashing a folder of videos takes minutes."""


class MediaCache(msgspec.Struct, frozen=True, eq=False):
    """A folder of media files named by their sha256, and the digests of media files elsewhere.

    Files on disk stay where they are. A member of a zip is read in place if the zip stores it uncompressed, and is
    extracted into `folder` if not, since videos are read with random access. `digests` and `members` are what this
    process has read so far: digests by (path, size, time of change), and the zip of each member name by folder.
    """

    folder: Path
    digests: dict[tuple[str, int, int], str] = msgspec.field(default_factory=dict)
    members: dict[Path, dict[str, Path]] = msgspec.field(default_factory=dict)

    def put(self, data: bytes) -> tuple[str, str]:
        """Path and digest of a file with exactly these bytes, written unless it is there; never re-encoded."""
        name = digest.of_bytes(data)
        path = self._path(name)
        if not (path.is_file() and path.stat().st_size == len(data)):
            self._write(path, (data,))
        return str(path), name

    def digest(self, path: Path) -> str:
        """The sha256 of a file, read once per (path, size, time of change); those of large files stay on disk."""
        status = path.stat()
        return self._digest(str(path.absolute()), status, status.st_size, lambda: digest.of_file(path))

    def find(self, root: Path, names: Sequence[str]) -> tuple[str, str] | None:
        """Path and digest of the first of `names` that exists under `root`, else in a zip directly in `root`.

        Raises MediaError for a name that leaves `root`.
        """
        root = root.absolute()  # a worker may run in another folder
        for name in names:
            if ".." in PurePosixPath(name).parts:
                raise MediaError(f"the path {name[:200]!r} leaves the data folder {root}; write it without '..'")
            if "\0" not in name and len(name) < 1024 and (root / name).is_file():
                return str(root / name), self.digest(root / name)
        members = self._members(root)
        member = next((name for name in names if name in members), None)
        return None if member is None else self._member(members[member], member)

    def _path(self, name: str) -> Path:
        return self.folder.absolute() / name[:2] / name

    def _write(self, path: Path | None, chunks: Iterable[bytes]) -> str:
        """Write a file atomically and return its digest; with None as the path it is named by its digest."""
        sha = hashlib.sha256()
        with self._new_file() as file:
            for chunk in chunks:
                sha.update(chunk)
                file.write(chunk)
        name = sha.hexdigest()
        target = path or self._path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(file.name).replace(target)
        return name

    def _new_file(self) -> IO[bytes]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return NamedTemporaryFile(dir=self.folder, prefix="writing-", delete=False)
        except OSError as error:
            raise unwritable(self.folder, error, "name another folder as EVALKIT_CACHE") from error

    def _digest(self, place: str, status: os.stat_result, size: int, read: Callable[[], str]) -> str:
        """The digest of the `size` bytes at `place`, from memory, else from disk, else by `read`.

        `status` is that of the file at `place`, or of the archive that holds it.
        """
        key = (place, status.st_size, status.st_mtime_ns)
        if key not in self.digests:
            file = self.folder / "known" / digest.of(key)
            if size >= LARGE and file.is_file():
                self.digests[key] = file.read_text()
            else:
                self.digests[key] = read()
                if size >= LARGE:
                    self._write(file, (self.digests[key].encode(),))
        return self.digests[key]

    def _members(self, root: Path) -> dict[str, Path]:
        """The zip that holds each member name, over all zips directly in `root`; each index is read once."""
        if root not in self.members:
            archives: dict[str, Path] = {}
            for path in sorted(root.glob("*.zip")):
                with media_errors(str(path), "archive"), zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        archives.setdefault(name, path)
            self.members[root] = archives
        return self.members[root]

    def _member(self, path: Path, name: str) -> tuple[str, str]:
        place = f"{path}!/{name}"
        with media_errors(place, "archive"), zipfile.ZipFile(path) as archive:
            info = archive.getinfo(name)
            stored = info.compress_type == zipfile.ZIP_STORED

            def read() -> str:
                with archive.open(info) as file:
                    chunks = iter(lambda: file.read(1 << 20), b"")
                    return _sha256(chunks) if stored else self._write(None, chunks)

            sha256 = self._digest(place, path.stat(), info.file_size, read)
            if not stored and not self._path(sha256).is_file():
                sha256 = read()
        return (place if stored else str(self._path(sha256))), sha256


def _sha256(chunks: Iterable[bytes]) -> str:
    sha = hashlib.sha256()
    for chunk in chunks:
        sha.update(chunk)
    return sha.hexdigest()
