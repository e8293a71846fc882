"""Digests of values, bytes and files: equal content has the same one on every machine and in every version."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec


def canonical(value: Any) -> bytes:
    """The JSON of plain data or structs, with sorted keys and no spaces: the order of fields changes no digest."""
    return msgspec.json.encode(msgspec.to_builtins(value, order="sorted"), order="sorted")


def of(value: Any) -> str:
    """The sha256 (64 hex digits) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


def of_bytes(data: bytes) -> str:
    """The sha256 (64 hex digits) of raw bytes."""
    return hashlib.sha256(data).hexdigest()


def of_file(path: Path) -> str:
    """The sha256 (64 hex digits) of a file, read in pieces. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
