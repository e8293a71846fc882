"""Read the number that a free-form reply states."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from evalkit.rules.extract.extraction import Extraction
from evalkit.rules.extract.markup import marked_answer, plain_text
from evalkit.rules.extract.number_words import CARDINALS, CHINESE_DIGITS, SCALES, cardinals

# A match starts only at the first digit of a run, and its length is bounded, so that the search takes linear time.
_DIGITS = re.compile(
    r"(?<![\w.])(?P<sign>[-+]\s?)?(?:[$€£¥]\s?)?(?P<inner_sign>-)?"
    r"(?:(?P<grouped>\d{1,3}(?:,\d{3}){1,8}(?:\.\d{1,30})?)|(?P<plain>\d{1,40}(?:\.\d{1,30})?|\.\d{1,30})(?P<exponent>[eE][+-]?\d{1,3})?)"
    r"(?!\d|\.\d)(?:\s?(?:\\times|[×x*])\s?10\s?\^\s?\{?(?P<power>[-+−]?\d{1,2})\}?)?"
    r"(?:\s?/\s?(?P<divisor>\d{1,20})(?![\d/.]))?(?:\s?(?P<scale>hundred|thousand|million|billion|trillion|dozen|bn|[kKM])\b|(?P<chinese_scale>[百千万亿]))?"
)
_WORDS = re.compile(
    r"(?<!\bthe )(?<!\bthese )\b(?P<word>" + "|".join(CARDINALS) + rf")(?:[\s-](?P<unit>{'|'.join(cardinals(1, 9))}))?"
    r"(?:\s(?P<scale>hundred|thousand|million|billion|dozen))?\b|\ba\s(?P<dozen>dozen|hundred|thousand|million)\b|(?P<chinese>[零一二两三四五六七八九十])(?=[个只条张人辆本位块件,。]|$)",
    re.IGNORECASE,
)
_ANNOUNCEMENT = re.compile(
    r"\banswer\b[^.\n\d]{0,60}?(?:\b(?:is|are|equals|would be)\b|[:=])|答案\s?(?:是|为|:)", re.IGNORECASE
)
_CONCLUSION = re.compile(
    r"\b(?:therefore|thus|hence|so|in total|in conclusion|finally|overall|altogether)\b|所以|因此", re.IGNORECASE
)
_SENTENCE_BREAK = re.compile(r"(?<=[.!?])\s+|(?<![:=])\s*\n\s*|(?<=[。!?])")
_EQUALS = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|(?:rounds|rounded|amounts|comes|evaluates) to|there's|it's)\b|[=≈:])"
    r"[\s$*(\"'\\]{0,6}(?:(?:a|total|of|about|approximately|exactly|only|roughly|around|equal|to|also|now|then)\s){0,4}"
    r"[\s$*(\"'\\]{0,6}$",
    re.IGNORECASE,
)
_BEFORE_BOUND = re.compile(
    r"\b(?:than|least|most|over|below|above|under|exceeds?|exceeding|between)\s\W{0,3}$", re.IGNORECASE
)
_NONE_IN_WORDS = re.compile(r"^\W*(?:none|zero|there (?:are|is) no\b|no\b(?! (?:idea|answer|clue)))", re.IGNORECASE)
_STATEMENT = re.compile(r"[^\W\d_]{2}|=")

_LAST_PARTS = 50
"""The most sentences and announcements that are read, the last ones, to bound the time."""
_NEAR = 12
"""Characters after an announcement within which a number needs no "is" or "=" to be the announced one."""


def extract_number(reply: str) -> Extraction:
    """Return the number that a reply states, in plain digits ("1234.5") and finite; None when it states none.

    A `\\boxed` or an `<answer>` is read instead of the whole reply. The first of these gives the number:

    - the last "the answer is" that announces one;
    - the last concluding sentence ("therefore ..."): its number after the last "is" or "=", else its first;
    - the last sentence with a number, likewise;
    - the last number in the reply;
    - "none" or "there are no" at the start, which is 0.

    Digits and words count alike. Currency, commas, units and percent signs are dropped (62% is 62); fractions ("3/4"),
    powers of ten and scales ("2 million") are calculated.
    """
    text = plain_text(reply)
    marked = marked_answer(text)
    extraction = next(_readings(text if marked is None else marked), Extraction(None, "no number found"))
    if marked is None or extraction.answer is None:
        return extraction
    return Extraction(extraction.answer, "marked final answer")


def _readings(text: str) -> Iterator[Extraction]:
    """Yield the numbers that the text may state, the likeliest first."""
    ends = [match.end() for match in _ANNOUNCEMENT.finditer(text)][-_LAST_PARTS:]
    for end in reversed(ends):
        part = text[end : end + 80].split("\n\n")[0]
        numbers = _numbers(part)
        near = numbers[0][1] if numbers and numbers[0][0] < _NEAR else None
        if (value := near or _stated_number(part)) is not None:
            yield Extraction(value, "announced answer")
    sentences = [part for part in _SENTENCE_BREAK.split(text) if part][-_LAST_PARTS:]
    conclusions = [part for part in sentences if _CONCLUSION.search(part)]
    if conclusions and (value := _stated_number(conclusions[-1])) is not None:
        yield Extraction(value, "number in the conclusion")
    for sentence in reversed(sentences):
        if (value := _stated_number(sentence)) is not None:
            yield Extraction(value, "last sentence with a number")
    if numbers := _numbers(text):
        yield Extraction(numbers[-1][1], "last number in the reply")
    if _NONE_IN_WORDS.match(text):
        yield Extraction("0", "none in words")


def _stated_number(sentence: str) -> str | None:
    """Return a sentence's number after the last "is" or "=", else its first; bounds ("more than 5") come last."""
    if not _STATEMENT.search(sentence):
        return None
    numbers = _numbers(sentence)
    exact = [
        (at, value) for at, value in numbers if not _BEFORE_BOUND.search(sentence[max(0, at - 20) : at])
    ] or numbers
    equal = [value for at, value in exact if _EQUALS.search(sentence[max(0, at - 60) : at])]
    return equal[-1] if equal else exact[0][1] if exact else None


def _numbers(text: str) -> list[tuple[int, str]]:
    """Return position and value of every number, in digits and in words, in order."""
    numbers = [(match.start(), _value_of_digits(match)) for match in _DIGITS.finditer(text)]
    numbers += [(match.start(), _value_of_words(match)) for match in _WORDS.finditer(text)]
    return sorted((at, value) for at, value in numbers if value is not None)


def _value_of_words(match: re.Match[str]) -> str:
    if match["dozen"]:
        return str(SCALES[match["dozen"].lower()])
    if match["chinese"]:
        return str(CHINESE_DIGITS[match["chinese"]])
    value = CARDINALS[match["word"].lower()] + CARDINALS.get((match["unit"] or "").lower(), 0)
    return str(value * SCALES.get((match["scale"] or "").lower(), 1))


def _value_of_digits(match: re.Match[str]) -> str | None:
    """Return the value as digits; None for what is infinite or divided by zero."""
    digits = (match["grouped"] or match["plain"]).replace(",", "") + (match["exponent"] or "")
    negative = match["inner_sign"] or (match["sign"] or "").startswith("-")
    scale = SCALES.get((match["scale"] or match["chinese_scale"] or "").lower(), 1)
    divisor = float(match["divisor"] or 1)
    value = float(digits) * 10.0 ** int((match["power"] or "0").replace("−", "-"))
    if not math.isfinite(value * scale) or not divisor:
        return None
    if scale == 1 and divisor == 1 and not match["power"]:
        return ("-" if negative else "") + digits
    return f"{(-1 if negative else 1) * value * scale / divisor:.12g}"
