"""Read the number that a free-form reply states."""

from __future__ import annotations

from evalkit.extract.plain import plain


def number(reply: str) -> str | None:
    """The number a reply states, as text that `float` reads; None when there is none."""
    try:
        float(plain(reply))
    except ValueError:
        return None
    return reply.strip()
