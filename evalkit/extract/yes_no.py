"""Read whether a free-form reply says yes or no."""

from __future__ import annotations

from evalkit.extract.plain import plain


def yes_no(reply: str) -> str | None:
    """ "yes", "no", or None."""
    word = plain(reply).strip().strip(".").lower()
    return word if word in ("yes", "no") else None
