"""What a picture cell says: bytes, base64 text, a path or a finished handle, never opened here."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalkit.errors import CellError
from evalkit.media.cache import MediaCache
from evalkit.types import Decoding, Image

BASE64_LENGTH = 64
"""Texts longer than this may be pictures in base64; MMBench's own files draw the same line."""


def shown(reference: str | tuple[str, ...] | None, row: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """Picture cells with their columns' names. Raises CellError for a gap, since `<image n>` would count wrongly."""
    names = (reference,) if isinstance(reference, str) else reference or ()
    values = [(row[name], name) for name in names]
    found = [(cell, name) for value, name in values for cell in (value if isinstance(value, list) else [value])]
    while found and found[-1][0] is None and not isinstance(reference, str):
        found.pop()
    for cell, name in found[:-1]:
        if cell is None:
            raise CellError(f"column {name} is empty although a later picture is not; correct the row")
    return found


def handle(cell: Any, name: str, decoding: Decoding, *, root: Path, media_cache: MediaCache) -> Image:
    """A cell's picture; its digest is empty where no file is found. Raises CellError for what is no picture."""
    if isinstance(cell, Image):
        return Image(cell.path, cell.digest, decoding)
    if isinstance(cell, Mapping):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, str):
        cell = _decoded(cell, name)
    if isinstance(cell, bytes):
        return Image(*media_cache.put(cell), decoding)
    if cell is None:
        return Image(f"of the empty cell {name}", "", decoding)
    if not isinstance(cell, str):
        raise CellError(f"column {name} holds {type(cell).__name__}, which is not a picture; name another column")
    return Image(*(media_cache.find(root, [cell]) or (str(root / cell), "")), decoding)


def _decoded(text: str, name: str) -> str | bytes:
    """Base64 as bytes; a short text, or one with a dot, is a path."""
    data = text.partition(";base64,")[2] if text.startswith("data:image/") else text
    if len(data) <= BASE64_LENGTH or (data is text and "." in text[:4096]):
        return text
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        if data is text and len(text) < 1024:
            return text
        raise CellError(f"column {name} holds broken base64 ({error}); replace the picture") from error
