"""Fill a template from named fields, and weave media into the turn where the text places them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from string import Formatter

from evalkit.types import Media, Message, Part, Text

PLACE = re.compile(r"<image (\d{1,3})>")


def fields(template: str) -> tuple[str, ...]:
    """Names between braces, in order. Raises ValueError on a broken template or on anything but a plain name."""
    found = []
    for _, name, spec, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name or spec or conversion or "." in name or "[" in name:
            raise ValueError(f"template {template!r}: write plain {{name}} fields, without formats, dots or indices")
        found.append(name)
    return tuple(found)


def fill(template: str, values: Mapping[str, object]) -> str:
    """Put values into a template; None counts as empty, and a line whose fields are all empty disappears.

    Raises KeyError naming a field that `values` lacks.
    """
    return "\n".join(line for line in _filled(template, values))


def _filled(template: str, values: Mapping[str, object]) -> Iterator[str]:
    for pieces, names in _lines(template):
        texts = ["" if values[name] is None else str(values[name]) for name in names]
        if not texts or any(texts):
            left = iter(texts)
            yield "".join(next(left) if piece is None else piece for piece in pieces)


@lru_cache(maxsize=256)
def _lines(template: str) -> tuple[tuple[tuple[str | None, ...], tuple[str, ...]], ...]:
    """The pieces of every line, None where a field stands, and its fields' names: parsed once for thousands of rows."""
    return tuple((_pieces(line), fields(line)) for line in template.split("\n"))


def _pieces(line: str) -> tuple[str | None, ...]:
    parts = ((literal, () if name is None else (None,)) for literal, name, _, _ in Formatter().parse(line))
    return tuple(piece for literal, field in parts for piece in (literal, *field))


def weave(text: str, media: Sequence[Media]) -> tuple[Part, ...]:
    """Parts of a turn: media n stands wherever the text says `<image n>` (again at every mention), others come first.

    Raises ValueError when the text names a picture that does not exist: no question is asked without its picture.
    """
    placed = {int(n) for n in PLACE.findall(text)}
    if placed and (max(placed) > len(media) or min(placed) < 1):
        raise ValueError(f"the text places <image {max(placed)}>, but there are {len(media)} pictures")
    parts: list[Part] = [m for n, m in enumerate(media, start=1) if n not in placed]
    for index, piece in enumerate(PLACE.split(text)):
        if index % 2:
            parts.append(media[int(piece) - 1])
        elif piece:
            parts.append(Text(piece))
    return tuple(parts)


def user_turn(text: str, media: Sequence[Media]) -> tuple[Message, ...]:
    """The usual prompt: one user message, media first unless the text places them."""
    return (Message("user", weave(text, media)),)
