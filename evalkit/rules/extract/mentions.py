"""Find where a text names an option by its letter, and where it rejects it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evalkit.rules.extract import phrases


class Mention(NamedTuple):
    """A named option: where, which (0 is A), whether it can be nothing else than one, whether the text rejects it."""

    start: int
    end: int
    option: int
    strong: bool
    rejected: bool


_LETTER = re.compile(
    r"(?<![A-Za-z0-9_])[(\[{<]\s?([A-Za-z])\s?[)\]}>](?![A-Za-z0-9_])"  # (B)
    # B alone: not in D-Day, C++, N/A, B.C., ∠B, B = 3
    r"|(?<![A-Za-z0-9_'\-&+\\∠△▱⊙√])(?<![Nn]/)([A-Za-z])(?![A-Za-z0-9_'\-+&°%]|\s?=|\.[A-Za-z]\b)"
)
_LINE_START = re.compile(r"(?:^|\n)[ \t\-•>\"']{0,4}$")
_OWN = re.compile(r"[)\]\"'.:]{0,2}\s(?:an?\s|the\s)?", re.IGNORECASE)
_WRONG = re.compile(r"\s(?:is|are|was|were) (?:wrong|incorrect|false|not (?:correct|right))\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s?[.):,;\"'\]-]|\s*(?:\n|$)")

_LONG = 200
"""Characters from which on an option's text is not looked for behind its letter."""


def mentions(text: str, texts: Sequence[str]) -> list[Mention]:
    """Every naming of an option's letter in a plain text, in order; rejected ones marked. `texts` are in lower case."""
    found: list[Mention] = []
    for start, end, option, strong in _named(text, len(texts)):
        rejected = rejects_before(text, start) or _continues(text, found, start) or rejects_after(text, end)
        rejected = rejected or bool(_WRONG.match(text, _past(text, end, texts[option])))
        found.append(Mention(start, end, option, strong, rejected))
    for index in range(len(found) - 2, -1, -1):  # "A, B and C are wrong": what follows a list is said of all of it
        if found[index + 1].rejected and joined(text, found[index], found[index + 1]):
            found[index] = found[index]._replace(rejected=True)
    return found


def starts_line(text: str, start: int) -> bool:
    """Whether nothing but a bullet or a quotation mark stands before a position in its line."""
    return bool(_LINE_START.search(text[max(0, start - 6) : start]))


def rejects_before(text: str, start: int) -> bool:
    """Whether the words before a position reject what stands there: "not", "rather than", "neither (A) nor"."""
    before = phrases.BREAKS.split(text[max(0, start - 60) : start])[-1]
    return bool(phrases.REJECTS.search(before)) and not phrases.NOT_ONLY.search(before)


def rejects_after(text: str, end: int) -> bool:
    """Whether the words after a position reject what stood there: "is wrong", "does not match"."""
    return bool(phrases.REJECTED.match(text, end, end + 80))


def joined(text: str, left: Mention, right: Mention) -> bool:
    """Whether only a comma, "or" or "and" stands between two mentions, so that they are one list."""
    return bool(phrases.LISTED.fullmatch(text, left.end, right.start))


def _continues(text: str, found: Sequence[Mention], start: int) -> bool:
    """Whether the position continues a list whose last member was rejected in front of it."""
    if not found or not found[-1].rejected or rejects_after(text, found[-1].end):
        return False
    return bool(phrases.LISTED.fullmatch(text, found[-1].end, start))


def _past(text: str, end: int, own: str) -> int:
    """Where the option's own text ends if it follows its letter ("A. cat is wrong"), else where the letter ends."""
    lead = _OWN.match(text, end)
    if lead is None or not 0 < len(own) < _LONG or text[lead.end() : lead.end() + len(own)].casefold() != own:
        return end
    return lead.end() + len(own)


def _named(text: str, options: int) -> Iterator[tuple[int, int, int, bool]]:
    last = chr(ord("A") + options - 1)
    for match in _LETTER.finditer(text):
        bracketed, lone = match.groups()
        name = bracketed or lone
        if not "A" <= name.upper() <= last:
            continue
        strong = bool(bracketed) or _strong(text, match.start(), name)
        if strong or (name.isupper() and _weak(text, match.start(), name)):
            yield match.start(), match.end(), ord(name.upper()) - ord("A"), strong


def _strong(text: str, start: int, name: str) -> bool:
    """Whether a lone letter is an option's name for sure: after "option", or set off at the start of a line."""
    if phrases.LABEL.search(text[max(0, start - 24) : start]):
        return not _word(text, start, name)
    set_off = _SEPARATOR.match(text, start + 1) if starts_line(text, start) else None
    return set_off is not None and (name.isupper() or set_off[0].strip() in (".", ")", ":"))


def _weak(text: str, start: int, name: str) -> bool:
    """Whether a lone capital may be an option's name: it is no article and no pronoun."""
    return bool(phrases.THING.search(text[max(0, start - 24) : start])) or not _word(text, start, name)


def _word(text: str, start: int, name: str) -> bool:
    return name in "AIa" and bool(phrases.WORD.match(text, start + 1))
