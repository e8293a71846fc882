"""Read the number that a free-form reply states."""

from __future__ import annotations

import math
import re

from evalkit.rules.extract.plain import final, plain

_SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "k": 1_000,
    "million": 1_000_000,
    "m": 1_000_000,
    "billion": 1_000_000_000,
}
_SCALES |= {
    "bn": 1_000_000_000,
    "trillion": 1_000_000_000_000,
    "dozen": 12,
    "百": 100,
    "千": 1_000,
    "万": 10_000,
    "亿": 100_000_000,
}
_WORDS: tuple[str, ...] = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_WORDS += ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")
_VALUES = {word: number for number, word in enumerate(_WORDS)} | {
    "no": 0,
    "none": 0,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
}
_VALUES |= {"sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "a": 1, "两": 2}
_VALUES |= {sign: number for number, sign in enumerate("零一二三四五六七八九十")}

# A number is not entered in the middle of a run of digits, and is as long as a float can tell apart at most.
_NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[-+]\s?)?(?:[$€£¥]\s?)?(?P<sign2>-)?"
    r"(?:(?P<grouped>\d{1,3}(?:,\d{3}){1,8}(?:\.\d{1,30})?)|(?P<plain>\d{1,40}(?:\.\d{1,30})?|\.\d{1,30})(?P<exponent>[eE][+-]?\d{1,3})?)"
    r"(?!\d|\.\d)(?:\s?(?:\\times|[×x*])\s?10\s?\^\s?\{?(?P<power>[-+−]?\d{1,2})\}?)?"
    r"(?:\s?/\s?(?P<divisor>\d{1,20})(?![\d/.]))?(?:\s?(?P<scale>hundred|thousand|million|billion|trillion|dozen|bn|[kKM])\b|(?P<han>[百千万亿]))?"
)
_WORD = re.compile(
    r"(?<!\bthe )(?<!\bthese )\b(?P<word>"
    + "|".join(word for word in _VALUES if word.isascii() and word not in ("a", "no", "none"))
    + r")(?:[\s-](?P<unit>one|two|three|four|five|six|seven|eight|nine))?"
    r"(?:\s(?P<scale>hundred|thousand|million|billion|dozen))?\b|\ba\s(?P<dozen>dozen|hundred|thousand|million)\b|(?P<han>[零一二两三四五六七八九十])(?=[个只条张人辆本位块件,。]|$)",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"\banswer\b[^.\n\d]{0,60}?(?:\b(?:is|are|equals|would be)\b|[:=])|答案\s?(?:是|为|:)", re.IGNORECASE
)
_CONCLUDED = re.compile(
    r"\b(?:therefore|thus|hence|so|in total|in conclusion|finally|overall|altogether)\b|所以|因此", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<![:=])\s*\n\s*|(?<=[。!?])")
_STATES = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|(?:rounds|rounded|amounts|comes|evaluates) to|there's|it's)\b|[=≈:])"
    r"[\s$*(\"'\\]{0,6}(?:(?:a|total|of|about|approximately|exactly|only|roughly|around|equal|to|also|now|then)\s){0,4}"
    r"[\s$*(\"'\\]{0,6}$",
    re.IGNORECASE,
)
_BOUND = re.compile(r"\b(?:than|least|most|over|below|above|under|exceeds?|exceeding|between)\s\W{0,3}$", re.IGNORECASE)
_NONE = re.compile(r"^\W*(?:none|zero|there (?:are|is) no\b|no\b(?! (?:idea|answer|clue)))", re.IGNORECASE)


# Of all sentences and announcements the last ones are read; a number this near to an announcement is what it announces.
LAST = 50
NEAR = 12
_WORDY = re.compile(r"[^\W\d_]{2}|=")


def number(reply: str) -> str | None:
    """The number a reply states in plain digits ("1234.5"), None when it states none; always finite.

    In this order: what a `\\boxed` or an `<answer>` holds; what the last "the answer is" announces; what the last
    conclusion says, else the last sentence: the number after its last "is" or "=", else its first one, bounds ("more
    than 5") aside; the last number. Digits and words count alike. Currency, commas, units and percent signs fall away
    (62% is 62); fractions ("3/4"), powers of ten and scales ("2 million") are worked out.
    """
    text = plain(reply)
    held = final(text)
    if held is not None:
        text = held
    return _announced(text) or _stated(text) or _last(text)


def _announced(text: str) -> str | None:
    ends = [match.end() for match in _ANNOUNCED.finditer(text)][-LAST:]
    parts = (text[end : end + 80].split("\n\n")[0] for end in reversed(ends))
    return next((value for part in parts if (value := _leading(part) or _said(part)) is not None), None)


def _leading(text: str) -> str | None:
    found = _numbers(text)
    return found[0][1] if found and found[0][0] < NEAR else None


def _stated(text: str) -> str | None:
    """What the last conclusion says, else the last sentence that has a number: see `_said`."""
    sentences = [part for part in _SENTENCE.split(text) if part][-LAST:]
    concluding = [part for part in sentences if _CONCLUDED.search(part)]
    parts = [*concluding[-1:], *reversed(sentences)]
    return next((value for part in parts if (value := _said(part)) is not None), None)


def _said(sentence: str) -> str | None:
    """Of a sentence's numbers the last one after "is" or "=", else the first; bounds ("more than 5") come after all."""
    if not _WORDY.search(sentence):
        return None
    found = _numbers(sentence)
    free = [(at, value) for at, value in found if not _BOUND.search(sentence[max(0, at - 20) : at])] or found
    stated = [value for at, value in free if _STATES.search(sentence[max(0, at - 60) : at])]
    return stated[-1] if stated else free[0][1] if free else None


def _last(text: str) -> str | None:
    found = _numbers(text)
    return found[-1][1] if found else "0" if _NONE.match(text) else None


def _numbers(text: str) -> list[tuple[int, str]]:
    """Where numbers stand, in digits and in words, and their values."""
    found = [(match.start(), _value(match)) for match in _NUMBER.finditer(text)]
    found += [(match.start(), _in_words(match)) for match in _WORD.finditer(text)]
    return sorted((at, value) for at, value in found if value is not None)


def _in_words(match: re.Match[str]) -> str:
    if match["dozen"]:
        return str(_SCALES[match["dozen"].lower()])
    if match["han"]:
        return str(_VALUES[match["han"]])
    value = _VALUES[match["word"].lower()] + _VALUES.get((match["unit"] or "").lower(), 0)
    return str(value * _SCALES.get((match["scale"] or "").lower(), 1))


def _value(match: re.Match[str]) -> str | None:
    digits = (match["grouped"] or match["plain"]).replace(",", "") + (match["exponent"] or "")
    negative = match["sign2"] or (match["sign"] or "").startswith("-")
    scale = _SCALES.get((match["scale"] or match["han"] or "").lower(), 1)
    divisor = float(match["divisor"] or 1)
    value = float(digits) * 10.0 ** int((match["power"] or "0").replace("−", "-"))
    if not math.isfinite(value * scale) or not divisor:
        return None
    if scale == 1 and divisor == 1 and not match["power"]:
        return ("-" if negative else "") + digits
    return f"{(-1 if negative else 1) * value * scale / divisor:.12g}"
