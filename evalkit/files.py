"""Media files by path, inside an archive or not, with every failure to read them told in one sentence; packed lines."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from evalkit.types import EvalkitError


class MediaError(EvalkitError):
    """A picture or video cannot be read; the text names its path."""

    code = 4


@contextmanager
def opened(path: str, found: str, what: str, *, empty: bool = False) -> Iterator[BinaryIO]:
    """A seekable file for a path or an `archive.zip!/member`, errors told as MediaError; `empty` permits no bytes."""
    if not found:
        raise MediaError(f"{what} {path} is missing; put the file there or point --data at a complete copy")
    archive, mark, member = path.partition(".zip!/")
    with reading(path, what), ExitStack() as stack:
        file = stack.enter_context(Path(archive + ".zip" if mark else path).open("rb"))
        size = os.fstat(file.fileno()).st_size
        start = 0
        if mark:
            start, size = _stored(file, member)
        if not (size or empty):
            raise MediaError(f"{what} {path} is empty; replace the file")
        yield io.BufferedReader(_Window(file, start, size)) if mark else file


@contextmanager
def reading(path: str, what: str) -> Iterator[None]:
    """Tell errors of the operating system and of archives as MediaError about `path`."""
    try:
        yield
    except FileNotFoundError as error:
        raise MediaError(f"{what} {path} is missing; put the file there") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise MediaError(f"{what} {path} lies in a broken archive ({error}); replace the archive") from error
    except OSError as error:
        raise MediaError(f"{what} {path} cannot be read ({error.strerror or error}); check the file") from error


def _stored(file: BinaryIO, member: str) -> tuple[int, int]:
    """Where an uncompressed member's bytes start in its archive, and how many they are (PKWARE appnote, 4.3.7)."""
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(member)
    file.seek(info.header_offset)
    name, extra = struct.unpack("<26xHH", file.read(30))
    return info.header_offset + 30 + name + extra, info.file_size


class _Window(io.RawIOBase):
    """A part of a file as a file: `zipfile` would read from the member's start at every step back."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self.file, self.start, self.size, self.at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = max(0, offset + (0, self.at, self.size)[whence])
        return self.at

    def readinto(self, buffer: Any) -> int:
        self.file.seek(self.start + self.at)
        data = self.file.read(max(0, min(len(buffer), self.size - self.at)))
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, unpacked if it is gzip, whatever its name says, and without a byte order mark.

    Raises OSError, EOFError and zlib.error as gzip does.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        for n, line in enumerate(file):
            yield line if n else line.removeprefix(codecs.BOM_UTF8)


def json_object(line: bytes) -> dict[str, Any]:
    """A line's object; NaN and Infinity, which Python writes though JSON has none, are null, half a character is "?".

    Raises ValueError for anything else that is not one.
    """
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError as error:
        try:
            found = json.loads(line, parse_constant=lambda _: None)
        except RecursionError:
            found = None
        if not isinstance(found, dict):
            raise ValueError(str(error)) from None
        whole: dict[str, Any] = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
        return whole
