"""Read what a free-form reply answers: an option letter, yes or no, a number, a short text."""

from __future__ import annotations

from collections.abc import Sequence


def letter(reply: str, choices: Sequence[str]) -> str | None:
    """The letter of the option the reply settles on, None when it settles on none."""
    stripped = reply.strip().strip("().")
    return stripped if len(stripped) == 1 and "A" <= stripped <= "Z" else None


def yes_no(reply: str) -> str | None:
    """ "yes", "no", or None."""
    word = reply.strip().strip(".").lower()
    return word if word in ("yes", "no") else None


def number(reply: str) -> str | None:
    """The number a reply states, as text that `float` reads; None when there is none."""
    try:
        float(reply)
    except ValueError:
        return None
    return reply.strip()


def text(reply: str) -> str:
    """The short answer of a reply."""
    return reply.strip()
