"""Find where a text mentions an option by its letter, and where it rejects that option."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evalkit.rules.extract import phrases


class Mention(NamedTuple):
    """One mention of an option: its place in the text and the option's number (0 is A).

    certain: the letter can be nothing but an option's. rejected: the text says that this option is not the answer.
    """

    start: int
    end: int
    option: int
    certain: bool
    rejected: bool


_LETTER = re.compile(
    r"(?<![A-Za-z0-9_])[(\[{<]\s?([A-Za-z])\s?[)\]}>](?![A-Za-z0-9_])"  # (B)
    # B alone: not in D-Day, C++, N/A, B.C., ∠B, B = 3
    r"|(?<![A-Za-z0-9_'\-&+\\∠△▱⊙√])(?<![Nn]/)([A-Za-z])(?![A-Za-z0-9_'\-+&°%]|\s?=|\.[A-Za-z]\b)"
)
_LINE_START = re.compile(r"(?:^|\n)[ \t\-•>\"']{0,4}$")
_BEFORE_OPTION_TEXT = re.compile(r"[)\]\"'.:]{0,2}\s(?:an?\s|the\s)?", re.IGNORECASE)
_IS_WRONG = re.compile(r"\s(?:is|are|was|were) (?:wrong|incorrect|false|not (?:correct|right))\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s?[.):,;\"'\]-]|\s*(?:\n|$)")

_LONGEST_OPTION = 200
"""Length in characters from which on an option's text is not looked for after its letter."""


def find_mentions(text: str, option_texts: Sequence[str]) -> list[Mention]:
    """Return every mention of an option's letter in a plain text, in order; `option_texts` are in lower case."""
    mentions: list[Mention] = []
    for start, end, option, certain in _letters(text, len(option_texts)):
        rejected = (
            rejects_before(text, start)
            or _continues_rejection(text, mentions, start)
            or rejects_after(text, end)
            or bool(_IS_WRONG.match(text, _end_with_option_text(text, end, option_texts[option])))
        )
        mentions.append(Mention(start, end, option, certain, rejected))
    for index in range(len(mentions) - 2, -1, -1):  # "A, B and C are wrong" rejects all three
        if mentions[index + 1].rejected and in_one_list(text, mentions[index], mentions[index + 1]):
            mentions[index] = mentions[index]._replace(rejected=True)
    return mentions


def starts_line(text: str, start: int) -> bool:
    """True if nothing but a bullet or a quotation mark stands before a position in its line."""
    return bool(_LINE_START.search(text[max(0, start - 6) : start]))


def rejects_before(text: str, start: int) -> bool:
    """True if the words before a position reject what stands there: "not", "rather than", "neither (A) nor"."""
    before = phrases.REJECTION_END.split(text[max(0, start - 60) : start])[-1]
    return bool(phrases.REJECTION_BEFORE.search(before)) and not phrases.NOT_ONLY.search(before)


def rejects_after(text: str, end: int) -> bool:
    """True if the words after a position reject what stands before it: "is wrong", "does not match"."""
    return bool(phrases.REJECTION_AFTER.match(text, end, end + 80))


def in_one_list(text: str, left: Mention, right: Mention) -> bool:
    """True if only a comma, "or" or "and" stands between two mentions."""
    return bool(phrases.LIST_SEPARATOR.fullmatch(text, left.end, right.start))


def _continues_rejection(text: str, mentions: Sequence[Mention], start: int) -> bool:
    """True if the position continues a list whose last member was rejected by words before it."""
    if not mentions or not mentions[-1].rejected or rejects_after(text, mentions[-1].end):
        return False
    return bool(phrases.LIST_SEPARATOR.fullmatch(text, mentions[-1].end, start))


def _end_with_option_text(text: str, end: int, option_text: str) -> int:
    """Return the end of the option's text if it follows the letter ("A. cat is wrong"), else the end of the letter."""
    lead = _BEFORE_OPTION_TEXT.match(text, end)
    if lead is None or not 0 < len(option_text) < _LONGEST_OPTION:
        return end
    after = lead.end() + len(option_text)
    return after if text[lead.end() : after].casefold() == option_text else end


def _letters(text: str, count: int) -> Iterator[tuple[int, int, int, bool]]:
    """Yield start, end, option and certainty of every letter that may name one of `count` options."""
    last = chr(ord("A") + count - 1)
    for match in _LETTER.finditer(text):
        bracketed, lone = match.groups()
        name = bracketed or lone
        if not "A" <= name.upper() <= last:
            continue
        certain = bool(bracketed) or _certain(text, match.start(), name)
        if certain or (name.isupper() and _possible(text, match.start(), name)):
            yield match.start(), match.end(), ord(name.upper()) - ord("A"), certain


def _certain(text: str, start: int, name: str) -> bool:
    """True if a lone letter can only be an option's: after "option", or set off at the start of a line."""
    if phrases.OPTION_LABEL.search(text[max(0, start - 24) : start]):
        return not _article_or_pronoun(text, start, name)
    set_off = _SEPARATOR.match(text, start + 1) if starts_line(text, start) else None
    return set_off is not None and (name.isupper() or set_off[0].strip() in (".", ")", ":"))


def _possible(text: str, start: int, name: str) -> bool:
    """True if a lone capital may be an option's."""
    before = text[max(0, start - 24) : start]
    return bool(phrases.BEFORE_LETTER.search(before)) or not _article_or_pronoun(text, start, name)


def _article_or_pronoun(text: str, start: int, name: str) -> bool:
    return name in "AIa" and bool(phrases.AFTER_ARTICLE.match(text, start + 1))
