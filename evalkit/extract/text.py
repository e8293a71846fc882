"""Read the short answer of a free-form reply."""

from __future__ import annotations

from evalkit.extract.plain import plain


def text(reply: str) -> str:
    """The short answer of a reply."""
    return plain(reply)
