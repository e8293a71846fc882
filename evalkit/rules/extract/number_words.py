"""Number words and their values: the one table that the extractors and the normalisation of VQA share."""

from __future__ import annotations

_UP_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_TENS = "thirty forty fifty sixty seventy eighty ninety"

CARDINALS = {word: value for value, word in enumerate(_UP_TO_TWENTY.split())}
CARDINALS |= {word: value for value, word in zip(range(30, 100, 10), _TENS.split(), strict=True)}
"""English words from "zero" to "ninety", without the compounds of tens and units ("twenty-one")."""

CHINESE_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九十")} | {"两": 2, "〇": 0}

SCALES = {"dozen": 12, "hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
SCALES |= {"trillion": 1_000_000_000_000, "k": 1_000, "m": 1_000_000, "mn": 1_000_000, "bn": 1_000_000_000}
SCALES |= {"b": 1_000_000_000, "lakh": 100_000, "crore": 10_000_000}
SCALES |= {"百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
"""Words and signs that multiply the number before them, in lower case."""

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
SHORT_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th")

PARTS = {"half": 2, "halve": 2, "quarter": 4} | {word: 3 + n for n, word in enumerate(ORDINALS[2:])}
"""Words for a part of one ("third", "quarter") and how many of them make one."""


def cardinals(first: int, last: int) -> tuple[str, ...]:
    """Return the English words from `first` to `last` inclusive, in order of value."""
    return tuple(word for word, value in CARDINALS.items() if first <= value <= last)


def english_number(words: list[str]) -> int | None:
    """Return the value of words such as "one hundred twenty five", None for words that are no single number."""
    total = group = 0
    limit, scale = 1_000, 10**15  # what the next word, and the next scale, must stay below
    for word in words:
        value = CARDINALS.get(word, 0)
        if (word in CARDINALS and value >= limit) or (word == "hundred" and not 0 < (group or 1) < 100):
            return None
        if word in CARDINALS:
            group += value
            limit = 10 if value >= 20 else 0
        elif word == "hundred":
            group, limit = (group or 1) * 100, 100
        elif SCALES[word] >= scale:
            return None
        else:
            total += (group or 1) * SCALES[word]
            group, limit, scale = 0, 1_000, SCALES[word]
    return total + group


def chinese_number(signs: str) -> int | None:
    """Return the value of signs such as "二十三" or "两万五千", None for signs that are no single number."""
    total = group = 0
    digit: int | None = None
    for sign in signs:
        if sign in "万亿":
            total = (total + group + (digit or 0)) * SCALES[sign]
            group, digit = 0, None
        elif sign in "十百千":
            group += (1 if digit is None else digit) * (10 if sign == "十" else SCALES[sign])
            digit = None
        elif digit:
            return None
        else:
            digit = CHINESE_DIGITS[sign]
    return total + group + (digit or 0)
