"""Text files: their lines (gzip too), JSON documents, and files that are replaced in one step."""

from __future__ import annotations

import codecs
import errno
import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from evalkit.errors import EvalkitError, ResumableError

T = TypeVar("T")
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""Errors of a full or broken disk: another --out may not help, making room and repeating the command does."""
_encode = msgspec.json.Encoder().encode


def regular(path: Path) -> Path:
    """The path itself. Raises OSError for a named pipe, on which reading may wait for ever and works only once."""
    if path.is_fifo():
        raise OSError(errno.ESPIPE, "it is a pipe; write it to a file first", str(path))
    return path


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file with their line ends, without a byte order mark; gzip is recognised by content, not by name.

    Raises OSError, EOFError and zlib.error as gzip does.
    """
    with regular(path).open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if is_gzip else path.open("rb") as file:
        for n, line in enumerate(file):
            yield line if n else line.removeprefix(codecs.BOM_UTF8)


def decoded(data: bytes, kind: type[T]) -> T:
    """One JSON document as a value of type `kind`.

    Raises ValueError for anything else: no JSON, no UTF-8, another type, or nested too deep.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def json_object(line: bytes) -> dict[str, Any]:
    """The JSON object on a line. NaN and Infinity, which Python writes, are null; an unpaired surrogate is "?".

    Raises ValueError for anything that is no object, or nested too deep.
    """
    try:
        return decoded(line, dict[str, Any])
    except ValueError as error:
        try:
            value = json.loads(line, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise ValueError(str(error)) from None
        encodable: dict[str, Any] = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return encodable


def write_atomic(file: Path, data: bytes, *, option: str = "--out") -> Path:
    """Replace a derived file in one step: a reader sees the old content or the new one, never a part.

    Its folder is made where there is none; a link or a pipe, such as /dev/stdout, is written to and not replaced.
    Raises EvalkitError as `unwritable` says.
    """
    temporary = file.with_name(f".{file.name[:200]}.{os.getpid()}.tmp") if file.name else file
    try:
        is_special = file.is_symlink() or (file.exists() and not file.is_file())
        file.parent.mkdir(parents=True, exist_ok=True)
        if is_special:
            file.write_bytes(data)
            return file
        try:
            temporary.write_bytes(data)
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(file, error, f"choose another {option}") from error
    return file


def unwritable(path: Path, error: OSError, remedy: str) -> EvalkitError:
    """The error for a path that cannot be written: ResumableError for a full or broken disk, else one with `remedy`."""
    reason = error.strerror or str(error)
    if error.errno in DISK_ERRORS:
        return ResumableError(f"{path}: cannot be written ({reason}); make room there and repeat the command")
    return EvalkitError(f"{path}: cannot be written ({reason}); {remedy}")


def write_json(file: Path, value: Any, *, option: str = "--out") -> None:
    """Write one readable JSON document, keys in the order of the fields. Raises EvalkitError."""
    write_atomic(file, msgspec.json.format(_encode(value), indent=1) + b"\n", option=option)


def write_lines(file: Path, values: Iterable[Any]) -> None:
    """Write one JSON document per line. Raises EvalkitError."""
    write_atomic(file, b"".join(_encode(v) + b"\n" for v in values))
