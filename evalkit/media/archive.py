"""Media files by path, inside an archive or not, with every failure to read them told in one sentence."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from evalkit.errors import MediaError


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
