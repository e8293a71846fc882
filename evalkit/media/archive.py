"""Media files by path, on disk or inside a zip; every failure to read one is a MediaError of one sentence."""

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
def open_media_file(path: str, noun: str, *, empty: bool = False) -> Iterator[BinaryIO]:
    """Open a path or an `archive.zip!/member` for reading, with random access.

    `noun` is the word for the file in errors. Raises MediaError where the file is missing, unreadable or, unless
    `empty` permits it, without a byte.
    """
    archive, separator, member = path.partition(".zip!/")
    with media_errors(path, noun), ExitStack() as stack:
        file = stack.enter_context(Path(archive + ".zip" if separator else path).open("rb"))
        size = os.fstat(file.fileno()).st_size
        start = 0
        if separator:
            start, size = _member_span(file, member)
        if not (size or empty):
            raise MediaError(f"{noun} {path} is empty; replace the file")
        yield io.BufferedReader(_FileSlice(file, start, size)) if separator else file


@contextmanager
def media_errors(path: str, noun: str) -> Iterator[None]:
    """Raise errors of the operating system and of `zipfile` as MediaError about `path`."""
    try:
        yield
    except FileNotFoundError as error:
        raise MediaError(f"{noun} {path} is missing; put the file there") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise MediaError(f"{noun} {path} lies in a broken archive ({error}); replace the archive") from error
    except OSError as error:
        raise MediaError(f"{noun} {path} cannot be read ({error.strerror or error}); check the file") from error


def _member_span(file: BinaryIO, member: str) -> tuple[int, int]:
    """The offset and the length in bytes of an uncompressed member of an archive (PKWARE appnote, 4.3.7)."""
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(member)
    file.seek(info.header_offset)
    name, extra = struct.unpack("<26xHH", file.read(30))
    return info.header_offset + 30 + name + extra, info.file_size


class _FileSlice(io.RawIOBase):
    """The `size` bytes from `start` as a file; `zipfile` would read from the member's start at every step back."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self.file, self.start, self.size, self.position = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.position = max(0, offset + (0, self.position, self.size)[whence])
        return self.position

    def readinto(self, buffer: Any) -> int:
        self.file.seek(self.start + self.position)
        data = self.file.read(max(0, min(len(buffer), self.size - self.position)))
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)
