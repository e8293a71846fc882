"""Text from data, models and file names made safe to print: control characters become visible signs."""

from __future__ import annotations

import unicodedata

LONGEST = 4000
"""Characters of a sentence on stderr, at most."""
UNCHANGED = "\n\t\u200c\u200d"
"""Line ends and tabs, and the joiners that emoji and several scripts are spelled with."""


def visible(text: str) -> str:
    """The text with each control character as its symbol (ESC: ␛) or its code point (⟦U+202E⟧); nothing is removed."""
    return text if text.isprintable() else "".join(map(_sign, text))


def one_line(text: str, longest: int = 120) -> str:
    """The visible text on one line, its white space as single spaces, cut after `longest` characters."""
    line = visible(" ".join(text[: 8 * longest].split()))
    return line if len(line) <= longest and len(text) <= 8 * longest else f"{line[:longest]}..."


def printable(text: str) -> str:
    """The text without control characters, line breaks and bidirectional marks, for the cell of a table."""
    characters = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return "".join(c for c in characters if unicodedata.category(c) not in {"Cf", "Cs"}).strip()


def _sign(character: str) -> str:
    if character in UNCHANGED or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟦U+{code:04X}⟧"
