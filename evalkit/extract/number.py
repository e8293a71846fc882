"""Read the number that a free-form reply states."""

from __future__ import annotations

import math
import re

from evalkit.extract.plain import final, plain

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
    r"(?!\d|\.\d)(?:\s?/\s?(?P<divisor>\d{1,20})(?![\d/.]))?(?:\s?(?P<scale>hundred|thousand|million|billion|trillion|dozen|bn|[kKM])\b|(?P<han>[百千万亿]))?"
)
_WORD = re.compile(
    r"\b(?P<word>"
    + "|".join(word for word in _VALUES if word.isascii() and word not in ("a", "no", "none"))
    + r")(?:[\s-](?P<unit>one|two|three|four|five|six|seven|eight|nine))?"
    r"(?:\s(?P<scale>hundred|thousand|million|billion|dozen))?\b|\ba\s(?P<dozen>dozen|hundred|thousand|million)\b|(?P<han>[零一二两三四五六七八九十])(?=[个只条张人辆本位块件,。]|$)",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"\b(?:answer|result|total|value|count|number)\b[^.\n\d]{0,60}?(?:\b(?:is|are|equals|would be)\b|[:=])"
    r"|[=≈]|答案\s?(?:是|为|:)",
    re.IGNORECASE,
)
_NONE = re.compile(r"^\W*(?:none|zero|there (?:are|is) no\b|no\b(?! (?:idea|answer|clue)))", re.IGNORECASE)


def number(reply: str) -> str | None:
    """The number a reply states in plain digits ("1234.5"), None when it states none; always finite.

    In this order: what a `\\boxed` or an `<answer>` holds, the number after the last announcement ("the answer is",
    "="), the last number in digits, the last in words. Currency, commas, units and percent signs fall away (62% is 62);
    fractions ("3/4") and scales ("2 million") are worked out.
    """
    text = plain(reply)
    held = final(text)
    if held is not None:
        text = held
    return _after_announcement(text) or _last(text)


def _after_announcement(text: str) -> str | None:
    ends = [match.end() for match in _ANNOUNCED.finditer(text)][-50:]
    for end in reversed(ends):
        part = text[end : end + 80].split("\n\n")[0]
        found = _in_digits(part, first=True) or _in_words(part, first=True)
        if found is not None:
            return found
    return None


def _last(text: str) -> str | None:
    found = _in_digits(text) or _in_words(text)
    return found if found is not None else ("0" if _NONE.match(text) else None)


def _in_digits(text: str, *, first: bool = False) -> str | None:
    matches = list(_NUMBER.finditer(text))
    return _value(matches[0 if first else -1]) if matches else None


def _in_words(text: str, *, first: bool = False) -> str | None:
    matches = list(_WORD.finditer(text))
    if not matches:
        return None
    match = matches[0 if first else -1]
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
    value = float(digits)
    if not math.isfinite(value * scale) or not divisor:
        return None
    if scale == 1 and divisor == 1:
        return ("-" if negative else "") + digits
    return f"{(-1 if negative else 1) * value * scale / divisor:.12g}"
