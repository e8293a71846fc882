"""Fill a template from named fields, and interleave the text with media at its placeholders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import Formatter

from evalkit.types import Media, Part, Text

IMAGE_PLACEHOLDER = re.compile(r"<image (\d{1,3})>")


def fields(template: str) -> tuple[str, ...]:
    """Return the names between braces, in order. Raises ValueError unless each field is a plain name."""
    try:
        pieces = [piece[1:] for piece in Formatter().parse(template) if piece[1] is not None]
    except ValueError as error:
        raise ValueError(f"template {template!r}: {error}; write {{{{ for a literal brace") from None
    for name, spec, conversion in pieces:
        if not name or spec or conversion or "." in name or "[" in name:
            raise ValueError(f"template {template!r}: write plain {{name}} fields, without formats, dots or indices")
    return tuple(str(name) for name, _, _ in pieces)


def fill(template: str, values: Mapping[str, object]) -> str:
    """Return the template with its values; None counts as empty, and a line whose fields are all empty is left out.

    Raises KeyError naming a field that `values` lacks.
    """
    lines = []
    for pieces, names in _lines(template):
        texts = ["" if values[name] is None else str(values[name]) for name in names]
        if not texts or any(texts):
            next_text = iter(texts)
            lines.append("".join(next(next_text) if piece is None else piece for piece in pieces))
    return "\n".join(lines)


@lru_cache(maxsize=256)
def _lines(template: str) -> tuple[tuple[tuple[str | None, ...], tuple[str, ...]], ...]:
    """Return for each line its pieces (None where a field stands) and its field names; cached, as all rows share it."""
    return tuple((_pieces(line), fields(line)) for line in template.split("\n"))


def _pieces(line: str) -> tuple[str | None, ...]:
    parts = ((literal, () if name is None else (None,)) for literal, name, _, _ in Formatter().parse(line))
    return tuple(piece for literal, field in parts for piece in (literal, *field))


def interleave(text: str, media: Sequence[Media]) -> tuple[Part, ...]:
    """Return the parts of a message: media n stands at each placeholder `<image n>`, all other media come first.

    Raises ValueError for a placeholder of a picture that does not exist: a question never goes out without it.
    """
    placeholders = {int(n) for n in IMAGE_PLACEHOLDER.findall(text)}
    outside = [n for n in placeholders if not 1 <= n <= len(media)]
    if outside:
        raise ValueError(f"the text places <image {max(outside)}>, but there are {len(media)} pictures")
    parts: list[Part] = [m for n, m in enumerate(media, start=1) if n not in placeholders]
    for index, piece in enumerate(IMAGE_PLACEHOLDER.split(text)):
        if index % 2:
            parts.append(media[int(piece) - 1])
        elif piece:
            parts.append(Text(piece))
    return tuple(parts)
