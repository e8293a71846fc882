"""Read the short answer of a free-form reply."""

from __future__ import annotations

import re

from evalkit.rules.extract.extraction import Extraction
from evalkit.rules.extract.markup import marked_answer, plain_text
from evalkit.rules.extract.number_spelling import respelled
from evalkit.rules.extract.numerals import find_numerals

_ANNOUNCEMENT = re.compile(
    r"\b(?:answer|response)(?:\s(?:to|for)\b[^.:\n]{0,100}?)?(?:\s(?:is|would be|should be)\b|\s?[:=])\s?"
    r"|答案\s?(?:是|为|:)\s?:?",
    re.IGNORECASE,
)
_QUOTES = " \t\n\"'“”‘’`*"
_PERIOD = re.compile(r"(?<=[^\d\W])\.$|(?<=[\d)\]])\.$|。$")
_SENTENCE = re.compile(
    r"(?:(?:the|this|that|these|they|there|it|its|his|her)\b[^.?!\n:;]{0,80}?\s"
    r"(?:is|are|was|were|says?|reads?|shows?|equals)|it's|they're):?\s"
    r"(?:(?:called|named|approximately|about|exactly|only)\s)?(?!not\b|no\b|un|visible|shown|hard\b)(?P<answer>[^\n]{1,60})",
    re.IGNORECASE,
)
_LONGEST_NUMBER = 60
_UNITS = re.compile(r"(?:\s?%|\s?[€$£¥]|(?:\s[^\W\d_]{1,20}){0,2})\W*")


def other_forms(answer: str) -> list[str]:
    """Return other forms of an answer that `extract_text` returned: what its sentence states, and that as digits.

    "The brand is Nokia" states "Nokia", "$5,627" is 5627, "four bars" is 4.
    """
    sentence = _SENTENCE.fullmatch(answer)
    stated = _extraction(sentence["answer"].rstrip("."), "").answer if sentence else answer
    if not stated:
        return []
    text = respelled(stated)
    numerals = find_numerals(text) if len(text) < _LONGEST_NUMBER else []
    whole = len(numerals) == 1 and numerals[0].start == 0 and _UNITS.fullmatch(text, numerals[0].end)
    value = numerals[0].value if whole else None
    return [form for form in (stated, value) if form]


def extract_text(reply: str) -> Extraction:
    """Return the short answer of a reply: a `\\boxed` or `<answer>`, the text after "the answer is", or the first line.

    Quotation marks around it and a period behind it are removed; an empty answer is None.
    """
    text = plain_text(reply)
    marked = marked_answer(text)
    if marked is not None:
        return _extraction(marked, "marked final answer")
    ends = [match.end() for match in _ANNOUNCEMENT.finditer(text)]
    announced = text[ends[-1] :].lstrip() if ends else ""
    if announced:
        return _extraction(announced.split("\n", 1)[0], "announced answer")
    return _extraction(text.split("\n", 1)[0], "first line")


def _extraction(answer: str, step: str) -> Extraction:
    bare = _PERIOD.sub("", answer.strip(_QUOTES)).strip(_QUOTES)
    return Extraction(bare, step) if bare else Extraction(None, "no answer found")
