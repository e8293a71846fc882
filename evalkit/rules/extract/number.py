"""Read the number that a free-form reply states."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from evalkit.rules.extract.extraction import Extraction
from evalkit.rules.extract.markup import marked_answer, plain_text
from evalkit.rules.extract.number_spelling import respelled
from evalkit.rules.extract.numerals import Numeral, find_numerals

_ANNOUNCEMENT = re.compile(
    r"\banswer\b[^.\n\d]{0,60}?(?:\b(?:is|are|equals|would be)\b|[:=])|答案\s?(?:是|为|:)", re.IGNORECASE
)
_CONCLUSION = re.compile(
    r"\b(?:therefore|thus|hence|so|in total|in conclusion|finally|overall|altogether)\b|所以|因此", re.IGNORECASE
)
_SENTENCE_BREAK = re.compile(r"(?<=[.!?])(?<!i\.e\.)(?<!e\.g\.)\s+|(?<![:=])\s*\n\s*|(?<=[。!?])")
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
_TOTAL_BEFORE = re.compile(
    r"\b(?:totals?|totall?ing|makes|making|(?:adds?|adding|sums?|comes?) (?:up )?to)"
    r"(?: (?:up )?(?:to|of|is))?[\s:]\s?$",
    re.IGNORECASE,
)
_TOTAL_AFTER = re.compile(r"(?:\s[^\W\d_]{1,20}){0,2}\s(?:in total|in all|altogether|total)\b", re.IGNORECASE)
_ALTERNATIVE = re.compile(r" ?(?:or|to|[-~,+*×÷x]|plus|minus|times|divided by) ?", re.IGNORECASE)
_SHARE_COUNT = re.compile(r"\d{1,9}(?=\s(?:out\s)?of\s)")
_SHARE = re.compile(r"\s(?:out\s)?of\s")
_RANGE_BEFORE = re.compile(r"\b(between|from)\s$", re.IGNORECASE)
_SHARE_IN_DIGITS = re.compile(r"(\d{1,9})\s(?:out\s)?of\s(\d{1,9})")
_RESTATEMENT = re.compile(r"\s?(?:[,=(]|or\b|,\s?(?:i\.e\.|or|that is|which is),?)\s?")
_LIST_SEPARATOR = re.compile(r",\s?(?:and\s)?|\s(?:and|&)\s|、")

_LAST_PARTS = 50
"""The most sentences and announcements that are read, the last ones, to bound the time."""
_NEAR = 12
"""Characters after an announcement within which a number needs no "is" or "=" to be the announced one."""


def extract_number(reply: str) -> Extraction:
    """Return the number that a reply states, in plain digits ("1234.5") and finite; None when it states none.

    A `\\boxed` or an `<answer>` is read instead of the whole reply. The first of these gives the number:

    - the last "the answer is" that announces one;
    - the last concluding sentence ("therefore ..."): its number after the last "is" or "=", or its total, else its
      first;
    - the last sentence with a number, likewise;
    - the only number of a reply without words;
    - "none" or "there are no" at the start, which is 0.

    Digits and words count alike. Currency, commas, units and percent signs are dropped (62% is 62); fractions ("3/4"),
    powers of ten and scales ("2 million") are calculated. Where the number that a step chooses has two readings ("1,2",
    "3 or 4", "2 of 5"), the reply is unparsed.
    """
    text = plain_text(reply)
    marked = marked_answer(text)
    extraction = next(_readings(respelled(text if marked is None else marked)), Extraction(None, "no number found"))
    if marked is None or extraction.answer is None:
        return extraction
    return Extraction(extraction.answer, "marked final answer")


def _readings(text: str) -> Iterator[Extraction]:
    """Yield the numbers that the text may state, the likeliest first."""
    numbers = _Numbers(text)
    ends = [match.end() for match in _ANNOUNCEMENT.finditer(text)][-_LAST_PARTS:]
    for end in reversed(ends):
        stop = text.find("\n\n", end, end + 80)
        if (value := numbers.announced(end, end + 80 if stop < 0 else stop)) is not None:
            yield _extraction(value, "announced answer")
    breaks = [0, *(match.end() for match in _SENTENCE_BREAK.finditer(text)), len(text)]
    sentences = [span for span in pairwise(breaks) if span[0] < span[1]][-_LAST_PARTS:]
    conclusions = [span for span in sentences if _CONCLUSION.search(text, *span)]
    if conclusions and (value := numbers.stated(*conclusions[-1])) is not None:
        yield _extraction(value, "number in the conclusion")
    for span in reversed(sentences):
        if (value := numbers.stated(*span)) is not None:
            yield _extraction(value, "last sentence with a number")
    if numbers.numerals:
        values = {numeral.value or "" for numeral in numbers.numerals}
        yield _extraction(values.pop() if len(values) == 1 else "", "last number in the reply")
    if _NONE_IN_WORDS.match(text):
        yield Extraction("0", "none in words")


def _extraction(value: str, step: str) -> Extraction:
    return Extraction(value, step) if value else Extraction(None, "number of several readings")


class _Numbers:
    """The numerals of a text, and how its sentences use them; a value "" has several readings."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.numerals = _with_lists(text, _with_shares(text, find_numerals(text)))

    def announced(self, start: int, end: int) -> str | None:
        """Return the number right after an announcement, or else stated after it; None without one."""
        numerals = self._within(start, end)
        if numerals and numerals[0].start < start + _NEAR and not self._calculated(numerals[0]):
            return self._count_of(numerals[0])
        return self.stated(start, end)

    def stated(self, start: int, end: int) -> str | None:
        """Return a sentence's number after the last "is" or "=", or its total, else its first; bounds come last."""
        numerals = self._within(start, end)
        if not numerals or not _STATEMENT.search(self._text, start, end):
            return None
        exact = [n for n in numerals if not n.label and not self._before(_BEFORE_BOUND, n, start, 20)] or numerals
        equal = [n for n in exact if self._before(_EQUALS, n, start, 60) or self._is_total(n, start)]
        chosen = equal[-1] if equal else exact[0]
        if self._calculated(chosen):
            return ""
        return self._count_of(chosen) if equal else chosen.value or ""

    def _count_of(self, numeral: Numeral) -> str:
        """Return the value of a numeral that the text announces; of "2 of 5" this is 2."""
        count = _SHARE_COUNT.match(self._text, numeral.start, numeral.end)
        return numeral.value or (count[0] if count else "")

    def _within(self, start: int, end: int) -> list[Numeral]:
        first, last = (bisect_left(self.numerals, at, key=lambda numeral: numeral.start) for at in (start, end))
        return self.numerals[first:last]

    def _before(self, pattern: re.Pattern[str], numeral: Numeral, start: int, reach: int) -> bool:
        return bool(pattern.search(self._text[max(start, numeral.start - reach) : numeral.start]))

    def _is_total(self, numeral: Numeral, start: int) -> bool:
        return self._before(_TOTAL_BEFORE, numeral, start, 30) or bool(_TOTAL_AFTER.match(self._text, numeral.end))

    def _calculated(self, numeral: Numeral) -> bool:
        """True if another number follows in a calculation, a range or an alternative: "3 + 4", "3-4", "3 or 4"."""
        place = bisect_left(self.numerals, numeral.end, key=lambda other: other.start)
        if place >= len(self.numerals):
            return False
        following = self.numerals[place]
        if following.percent and abs(100 * float(numeral.value or 0) - float(following.value or 0)) < 0.5:
            return False  # "0.3 or 30%"
        signed = self._text[following.start] in "+-"
        return bool(_ALTERNATIVE.fullmatch(self._text, numeral.end, following.start + signed))


def _with_shares(text: str, numerals: Sequence[Numeral]) -> list[Numeral]:
    """Return the numerals with each share ("2 of 5") as one, whose value is the percentage that restates it, if any."""
    merged: list[Numeral] = []
    for numeral in numerals:
        last = merged[-1] if merged else None
        if last and _SHARE.fullmatch(text, last.end, numeral.start):
            merged[-1] = Numeral(last.start, numeral.end, None)
        elif last and _between(text, last, numeral):
            merged[-1] = Numeral(last.start, numeral.end, None, label=True)
        elif last and numeral.percent and _restates(text, last, numeral):
            merged[-1] = Numeral(last.start, numeral.end, f"{float(numeral.value or 0) / 100:.12g}")
        else:
            merged.append(numeral)
    return merged


def _between(text: str, low: Numeral, high: Numeral) -> bool:
    """True for the ends of a range: "between 3 and 4", "from 10 to 20"."""
    opening = _RANGE_BEFORE.search(text[max(0, low.start - 10) : low.start])
    separator = text[low.end : high.start].strip().lower()
    return opening is not None and separator == ("and" if opening[1].lower() == "between" else "to")


def _restates(text: str, share: Numeral, percentage: Numeral) -> bool:
    parts = _SHARE_IN_DIGITS.fullmatch(text, share.start, share.end)
    if not parts or not int(parts[2]) or not _RESTATEMENT.fullmatch(text, share.end, percentage.start):
        return False
    return abs(100 * int(parts[1]) / int(parts[2]) - float(percentage.value or 0)) < 1


def _with_lists(text: str, numerals: Sequence[Numeral]) -> list[Numeral]:
    """Return the numerals with each list ("4, 2, 7") as one, which has a value only where it counts up."""
    merged: list[Numeral] = []
    run: list[Numeral] = []
    for numeral in [*numerals, None]:
        if numeral and (not run or _LIST_SEPARATOR.fullmatch(text, run[-1].end, numeral.start)):
            run.append(numeral)
            continue
        whole = len(run) > 1 and not text[: run[0].start].strip() and not text[run[-1].end :].strip(" .\n")
        if len(run) > 2 or whole:
            run = [Numeral(run[0].start, run[-1].end, run[-1].value if _counts_up(run) else None)]
        merged += run
        run = [numeral] if numeral else []
    return merged


def _counts_up(numerals: Sequence[Numeral]) -> bool:
    """True for 1, 2, 3 and for five or more numbers at equal distances, such as 10, 20, 30, 40, 50."""
    values = [float(numeral.value or "nan") for numeral in numerals]
    steps = {right - left for left, right in pairwise(values)}
    return len(steps) == 1 and min(steps) > 0 and (values[0] == min(steps) == 1 or len(values) > 4)
