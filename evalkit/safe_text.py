"""Foreign text made safe to look at: what would steer a terminal or reorder a line is shown as a sign instead."""

from __future__ import annotations

import unicodedata

LONGEST = 4000
"""Characters of a sentence on stderr."""
KEPT = "\n\t\u200c\u200d"
"""Line ends and tabs, and the joiners that emoji and several scripts are spelled with."""


def visible(text: str) -> str:
    """The text with control characters as their pictures (ESC: ␛) or as code points (⟦U+202E⟧).

    Nothing is removed: whoever reads it sees that something was there.
    """
    return text if text.isprintable() else "".join(map(_sign, text))


def one_line(text: str, longest: int = 120) -> str:
    """The visible text on one line, cut after `longest` characters."""
    line = visible(" ".join(text[: 8 * longest].split()))
    return line if len(line) <= longest and len(text) <= 8 * longest else f"{line[:longest]}..."


def printable(text: str) -> str:
    """Text from elsewhere without control characters, line breaks and bidirectional marks."""
    kept = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return "".join(c for c in kept if unicodedata.category(c) not in {"Cf", "Cs"}).strip()


def _sign(character: str) -> str:
    if character in KEPT or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟦U+{code:04X}⟧"
