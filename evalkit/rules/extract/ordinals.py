"""Find an option by its place in the list: "the second option", "the last one", "option 2"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.rules.extract.plain import TRIM

WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SHORT = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th")
_PLACES = {word: n for words in (WORDS, _SHORT) for n, word in enumerate(words)} | {"last": -1, "final": -1}
_NUMBERS = {word: n for n, word in enumerate(_COUNTS)} | {str(n + 1): n for n in range(10)}

_PLACE = "|".join(sorted(_PLACES, key=len, reverse=True))
_NUMBER = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_OPTION = r"(?:option|choice|answer|alternative)s?"
_NAMED = re.compile(
    rf"\b(?P<place>{_PLACE})\s(?:listed\s|given\s)?{_OPTION}\b(?!\s(?:and|or|nor)\b)"
    rf"|\b(?:option|choice|alternative)\s(?:number\s|no\.?\s|#\s?)?(?P<number>{_NUMBER})\b(?![.,]?\d|%|\s(?:and|or|nor)\b)",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    rf"(?:(?:i(?:'d| would| will|'ll)? (?:choose|pick|select|go with|say)|it(?:'s| is)|the answer is|answer:)\s)?"
    rf"(?:the\s)?(?P<place>{_PLACE})(?:\sone)?",
    re.IGNORECASE,
)
_NOUN = re.compile(rf"(?:the\s)?(?P<place>{_PLACE})\s(?P<noun>[a-z]+)", re.IGNORECASE)
_BEFORE = re.compile(rf"\b(?:{_PLACE})\s(?:or|and|nor)\s(?:the\s)?$", re.IGNORECASE)
_HAN = re.compile(r"(?:第(?P<han>[一二三四五六七八九十1-9])|(?P<last>最后一))个?(?:选项|答案)?")
_LAST = re.compile(r"(?:(?:it is|it's|the answer is|answer:)\s)?(?:the\s)?last\s(?P<noun>[a-z]+)", re.IGNORECASE)


def whole(text: str, choices: Sequence[str]) -> int | None:
    """The option that a short text as a whole names by its place; none where its texts are places that say otherwise.

    Of the options "the second image" and "the third image", "the last image" is the third; "the second one" may be
    either.
    """
    text = text.strip(TRIM)
    own = [_NOUN.fullmatch(choice.strip(TRIM)) for choice in choices]
    named = _LAST.fullmatch(text)
    if named and own and all(match and match["noun"].lower() == named["noun"].lower() for match in own):
        places = [_PLACES[match["place"].lower()] for match in own if match]
        return places.index(max(places))
    match = _WHOLE.fullmatch(text)
    han = _HAN.fullmatch(re.sub(r"^(?:我?选(?:择)?|是|答案是)", "", text))
    if han:
        return _counted(han, len(choices))
    if match is None:
        return None
    found = _place(match["place"], len(choices))
    said = [n for n, option in enumerate(own) if option and option["place"].lower() == match["place"].lower()]
    return None if said and said != [found] else found


def within(text: str, count: int) -> list[tuple[int, int, int]]:
    """Start, end and number of every option that a text calls "the second option" or "option 2"."""
    found = []
    for match in _NAMED.finditer(text):
        number = _place(match["place"], count) if match["place"] else _number(match["number"], count)
        if number is not None and not _BEFORE.search(text[max(0, match.start() - 30) : match.start()]):
            found.append((match.start(), match.end(), number))
    return found


def _counted(match: re.Match[str], count: int) -> int | None:
    number = count - 1 if match["last"] else "一二三四五六七八九十".find(match["han"])
    number = int(match["han"]) - 1 if number < 0 else number
    return number if number < count else None


def _place(word: str, count: int) -> int | None:
    number = _PLACES[word.lower()]
    return count - 1 if number < 0 else number if number < count else None


def _number(word: str, count: int) -> int | None:
    number = _NUMBERS[word.lower()]
    return number if number < count else None
