"""Pictures of a row: bytes, base64 text, a path or an `Image` become an `Image`, and no file is decoded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalkit.data.references import Row
from evalkit.errors import CellError
from evalkit.media.cache import MediaCache
from evalkit.types import Image, ImageDecoding

BASE64_LENGTH = 64
"""Texts longer than this may be pictures in base64, as in VLMEvalKit's TSV files (`tsv.LONGEST_INDEX`)."""


def image_values(reference: str | tuple[str, ...] | None, row: Row) -> list[tuple[Any, str]]:
    """The values of the image columns with their columns' names; a list of images counts as several.

    Empty columns at the end are dropped, unless `reference` is one name. Raises CellError for an empty one before a
    filled one, since `<image n>` would count wrongly.
    """
    names = (reference,) if isinstance(reference, str) else reference or ()
    columns = [(row[name], name) for name in names]
    pairs = [(item, name) for value, name in columns for item in (value if isinstance(value, list) else [value])]
    while pairs and pairs[-1][0] is None and not isinstance(reference, str):
        pairs.pop()
    for item, name in pairs[:-1]:
        if item is None:
            raise CellError(f"column {name} is empty although a later picture is not; correct the row")
    return pairs


def to_image(value: Any, name: str, decoding: ImageDecoding, *, root: Path, media_cache: MediaCache) -> Image:
    """The `Image` of a value of column `name`, with an empty digest where there is no such file.

    Bytes and base64 are written to the media cache; a path is looked for below `root`. Raises CellError for a value
    that is no picture.
    """
    if isinstance(value, Image):
        return Image(value.path, value.digest, decoding)
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str):
        value = _decode_base64(value, name)
    if isinstance(value, bytes):
        return Image(*media_cache.put(value), decoding)
    if value is None:
        return Image(f"of the empty cell {name}", "", decoding)
    if not isinstance(value, str):
        raise CellError(f"column {name} holds {type(value).__name__}, which is not a picture; name another column")
    return Image(*(media_cache.find(root, [value]) or (str(root / value), "")), decoding)


def _decode_base64(text: str, name: str) -> str | bytes:
    """The bytes of a base64 text; a short text, or one with a dot, is a path and stays text."""
    data = text.partition(";base64,")[2] if text.startswith("data:image/") else text
    if len(data) <= BASE64_LENGTH or (data is text and "." in text[:4096]):
        return text
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        if data is text and len(text) < 1024:
            return text
        raise CellError(f"column {name} holds broken base64 ({error}); replace the picture") from error
