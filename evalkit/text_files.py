"""Text files read and written whole: packed lines, JSON objects, and derived files that are replaced in one step."""

from __future__ import annotations

import codecs
import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from evalkit.errors import EvalkitError

_encode = msgspec.json.Encoder().encode


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


def write_atomic(file: Path, data: bytes, *, option: str = "--out") -> Path:
    """Replace a derived file in one step: a reader sees the old content or the new one, never a part.

    Its folder is made where there is none; a link or a pipe, such as /dev/stdout, is written through. Raises
    EvalkitError, which names the `option` that chose the place.
    """
    through = file.is_symlink() or (file.exists() and not file.is_file())
    fresh = file if through else file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(data)
        if not through:
            fresh.replace(file)
    except OSError as error:
        raise EvalkitError(f"{file}: cannot be written ({error.strerror}); choose another {option}") from error
    return file


def write_json(file: Path, value: Any, *, option: str = "--out") -> None:
    """One readable JSON document, keys in the order of the fields."""
    write_atomic(file, msgspec.json.format(_encode(value), indent=1) + b"\n", option=option)


def write_lines(file: Path, values: Iterable[Any]) -> None:
    """One JSON document per line."""
    write_atomic(file, b"".join(_encode(v) + b"\n" for v in values))
