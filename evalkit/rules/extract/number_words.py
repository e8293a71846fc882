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

CHINESE_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九十")} | {"两": 2}

SCALES = {"dozen": 12, "hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
SCALES |= {"trillion": 1_000_000_000_000, "k": 1_000, "m": 1_000_000, "bn": 1_000_000_000}
SCALES |= {"百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
"""Words and signs that multiply the number before them, in lower case."""

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
SHORT_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th")


def cardinals(first: int, last: int) -> tuple[str, ...]:
    """Return the English words from `first` to `last` inclusive, in order of value."""
    return tuple(word for word, value in CARDINALS.items() if first <= value <= last)
