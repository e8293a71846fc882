"""Find where a text names an option by its letter, and where it rejects it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Mention(NamedTuple):
    """A named option: where, which (0 is A), whether it can be nothing else than one, whether the text rejects it."""

    start: int
    end: int
    option: int
    strong: bool
    rejected: bool


_LETTER = re.compile(
    r"(?<![A-Za-z0-9_])[(\[{<]\s?([A-Za-z])\s?[)\]}>](?![A-Za-z0-9_])"  # (B)
    r"|(?<![A-Za-z0-9_'\-&/+\\])([A-Za-z])(?![A-Za-z0-9_'\-&+°%]|\.[A-Za-z])"  # B, where it stands alone
)
_OPTION = re.compile(r"(?:\b(?:option|choice|answer|letter)s?|选项|答案)\s{0,2}[:\"']?\s{0,2}$", re.IGNORECASE)
_LABEL = re.compile(
    r"\b(?:point|box|image|picture|figure|fig\.|panel|label|labell?ed|marked|marker|circle|dot|pattern|shape|diagram|graph|plot"
    r"|object|region|area|statement|select|choose|pick|photo|candidate|item|row|column|line|as|between|and|or|nor|than|of|with|not|both"
    r"|either|neither)\s{1,2}[\"']?$",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"(?:^|\n)[ \t\-•>\"']{0,4}$")
_SEPARATOR = re.compile(r"\s?[.):,;\"'\]-]|\s*(?:\n|$)")
_ARTICLE = re.compile(r"[\"']?\s{1,2}(?!(?:is|was|are|has|have|had|would|because|since|as|and|or|but|nor|appears?|seems?|looks?"
    r"|match(?:es)?|fits?|does|do|should|must|can|cannot|could|also|than|more|best|correctly|accurately|represents?|shows?|contains?"
    r"|corresponds?|follows?|aligns?|being|to|in|on|at|for|with|from|due|which|lies|remains|will|may|might|if)\b)[A-Za-z0-9]")  # fmt: skip
_NEGATOR = re.compile(
    r"(?:\b(?:not|never|neither|nor|cannot|without|except|unlike|incorrect|wrong|rather than|instead of|none of|no longer"
    r"|other than|than|compared (?:to|with)|as opposed to|in contrast (?:to|with)|over|rul(?:e|es|ed|ing) out|eliminat(?:e|es|ed|ing)|exclud(?:e|es|ed|ing)|reject(?:s|ed|ing)?|discard(?:s|ed|ing)?"
    r"|dismiss(?:es|ed|ing)?)|n't|不是|不选|不能选|排除|并非|不可能是|而非)"
    r"(?:[\s,:\"'(]{0,3}\b(?:be|been|is|the|a|an|option|options|choice|choices|answer|letter|either|of|image|point|box|picture|just|only"
    r"|in|to|it|both|选项|答案)\b){0,5}[\s:\"'(]{0,3}$",
    re.IGNORECASE,
)
_AFFIRMED = re.compile(r"\bnot (?:only|just)\b[^.]{0,20}$", re.IGNORECASE)
_REFUSED = re.compile(
    r"[)\]\"']?\s{0,2}(?:\([^()\n]{1,40}\)\s?)?(?:option|choice|answer)?\s?"
    r"(?:(?:is|are|was|were|does|do|did|can|could|would|should|will|seems?|looks?|appears?|has|have|must|to|be|also|both|clearly|definitely"
    r"|therefore|thus|probably|likely|all|obviously|simply|so)\s){0,4}?"
    r"(?:(?:is|does|do|was|are|would|could|can|should|has|wo|ca)n't\b|not\b(?! only| just)|cannot\b|never\b|incorrect\b|wrong\b|false\b|out\b"
    r"|(?:be )?(?:eliminated|excluded|ruled out|discarded|rejected)\b|lacks\b|fails\b|不对|错|不正确|不是|排除)",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"\s?(?:,|/|、|或|和|,?\s?(?:or|nor|and|&))\s?(?:(?:option|choice|point|box|image|the|also|even)\s){0,2}",
    re.IGNORECASE,
)


def mentions(text: str, options: int) -> list[Mention]:
    """Every naming of one of the first `options` letters in a plain text, in order; rejected ones marked."""
    found: list[Mention] = []
    for match, strong in _named(text, options):
        option = ord((match[1] or match[2]).upper()) - ord("A")
        rejected = (
            rejects_before(text, match.start())
            or _listed(text, found, match.start())
            or rejects_after(text, match.end())
        )
        found.append(Mention(match.start(), match.end(), option, strong, rejected))
    return found


def rejects_before(text: str, start: int) -> bool:
    """Whether the words before a position reject what stands there: "not", "rather than", "neither (A) nor"."""
    before = _sentence(text[max(0, start - 60) : start])
    return bool(_NEGATOR.search(before)) and not _AFFIRMED.search(before)


def rejects_after(text: str, end: int) -> bool:
    """Whether the words after a position reject what stood there: "is wrong", "does not match"."""
    return bool(_REFUSED.match(text, end, end + 80))


def joined(text: str, left: Mention, right: Mention) -> bool:
    """Whether only a comma, "or" or "and" stands between two mentions, so that they are one list."""
    return bool(_LIST.fullmatch(text, left.end, right.start))


def _listed(text: str, found: list[Mention], start: int) -> bool:
    """Whether the position continues a list whose last member was rejected in front of it."""
    if not found or not found[-1].rejected or rejects_after(text, found[-1].end):
        return False
    return bool(_LIST.fullmatch(text, found[-1].end, start))


def _named(text: str, options: int) -> Iterator[tuple[re.Match[str], bool]]:
    for match in _LETTER.finditer(text):
        name = match[1] or match[2]
        if not "A" <= name.upper() < chr(ord("A") + options):
            continue
        before = text[max(0, match.start() - 24) : match.start()]
        if match[1]:
            yield match, True
        elif _OPTION.search(before) and not (name in "aI" and _ARTICLE.match(text, match.end())):
            yield match, True
        elif _LINE_START.search(before) and _marker(text, match):
            yield match, True
        elif name.isupper() and (_LABEL.search(before) or not _word(name, text, match.end())):
            yield match, False


def _marker(text: str, match: re.Match[str]) -> bool:
    """Whether a letter at the start of a line is set off from what follows: "B.", "b)", "C" alone."""
    found = _SEPARATOR.match(text, match.end())
    return bool(found) and (match[2].isupper() or found[0].strip() in (".", ")", ":"))


def _word(name: str, text: str, end: int) -> bool:
    """Whether "A" is an article here, or "I" a pronoun."""
    return name in "AI" and bool(_ARTICLE.match(text, end))


def _sentence(before: str) -> str:
    """The part of `before` that belongs to the sentence it leads into."""
    return re.split(r"[.!?;。!?;]\s|\n|\bbut\b|\bso\b|而是|,?\s(?:it|that)(?:'s| is)\s(?!not)", before)[-1]
