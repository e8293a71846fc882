"""Find an option by its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evalkit.rules.extract import ordinals
from evalkit.rules.extract.mentions import rejects_after, rejects_before
from evalkit.rules.extract.phrases import LISTED
from evalkit.rules.extract.plain import FORMS, TRIM, unmarked

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_UNIT = re.compile(r"(?<=\d)\s(?=(?:cm|mm|km|m|kg|g|mg|ml|l|hz|khz|mph|ft|°c|°f|°|%)(?!\w))")
_VERDICT = r"\s?[:=\-–—]{1,2}\s?(?:(?P<yes>yes|true|correct|right)|no|false|incorrect|wrong)(?!\w)"
_JUDGEABLE = 2_000
_OPERATOR = re.compile(r"\s?[-+*/=×]\s?\d")
_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNTED = re.compile(rf"(?:{'|'.join(_COUNTS)}|\d+(?:\.0)?)")
_COUNT = re.compile(
    r"(?<!this )(?<!that )(?<!last )(?<!which )(?<!only )(?<!no )(?<!each )(?<!any )(?<!the )(?<!first )(?<!second )"
    rf"\b(?:{'|'.join(_COUNTS)})\b(?! of\b)|(?<=\d)\.0\b"
)
_NUMBERED = re.compile(r"\b(image|picture|photo)\s(?:#|no\.?\s)?([1-6])\b")
_SHORT_ORDINAL = re.compile(r"\b(1st|2nd|3rd|[4-6]th)\s(?=(?:image|picture|photo)\b)")


class Options:
    """The options of one question: their letters, and their texts in the form of `folded`."""

    def __init__(self, choices: Sequence[str]) -> None:
        self.letters = LETTERS[: len(choices)]
        texts = [folded(unmarked(text)) for text in _bare(choices)[: len(LETTERS)]]
        self._counted = bool(texts) and all(_COUNTED.fullmatch(text) for text in texts)
        self.texts = [self._form(text) for text in texts]
        self._longest_first = sorted(range(len(self.texts)), key=lambda i: -len(self.texts[i]))

    def whole(self, text: str) -> int | None:
        """The option whose letter, or else whose text, the text is."""
        bare = text.strip(TRIM)
        if len(bare) == 1 and bare.isascii() and bare.isalpha() and bare.upper() in self.letters:
            return self.letters.index(bare.upper())
        found = self._equal(self._form(folded(text)))
        return found if found is not None or len(text) > 60 else ordinals.whole(text, self.texts)

    def judged(self, text: str) -> list[int]:
        """Options said to be right where each of two or more has a verdict after its text: "Red: no. Blue: yes."."""
        verdicts: dict[int, bool] = {}
        text = folded(text[:_JUDGEABLE])
        for index, sought in enumerate(self.texts):
            match = re.search(rf"(?<!\w){re.escape(sought)}{_VERDICT}", text) if sought else None
            if match:
                verdicts[index] = bool(match["yes"])
        return [index for index, right in verdicts.items() if right] if len(verdicts) > 1 else []

    def opening(self, line: str) -> int | None:
        """The option whose text a line starts with; the longest where one contains another."""
        line = self._form(folded(line))
        for index in self._longest_first:
            text = self.texts[index]
            if text and line.startswith(text) and not line[len(text) :].removeprefix("'")[:1].isalnum():
                return None if self._goes_on(line[len(text) :]) else self._equal(text)
        return None

    def _goes_on(self, rest: str) -> bool:
        """Whether another option's text follows in a list, or a calculation."""
        if _OPERATOR.match(rest):
            return True
        comma = LISTED.match(rest)
        if comma is None:
            return False
        rest = _ARTICLE.sub("", rest[comma.end() :])
        return any(text and rest.startswith(text) for text in self.texts)

    def within(self, text: str) -> int | None:
        """The only option whose text a stretch contains and does not reject; not inside a longer option's text."""
        text = self._form(folded(text))
        places = ordinals.within(text, len(self.letters))
        taken: list[tuple[int, int]] = []
        for index in self._longest_first:
            spans = [span for span in self._places(index, text) if not any(a <= span[0] < b for a, b in taken)]
            taken += spans
            places += [(start, end, index) for start, end in spans]
        found = set(_accepted(text, sorted(places)))
        return found.pop() if len(found) == 1 else None

    def _places(self, index: int, text: str) -> list[tuple[int, int]]:
        """Where an option's text stands as whole words; the first few places tell enough."""
        sought = self.texts[index]
        if not sought:
            return []
        pattern = re.compile(rf"(?<!\w){re.escape(sought)}(?!'?\w)")
        return [match.span() for match, _ in zip(pattern.finditer(text), range(20), strict=False)]

    def _form(self, text: str) -> str:
        """Number words as digits where every option is a number: "three" and "3" are one answer then."""
        return _COUNT.sub(_digits, text) if self._counted else text

    def _equal(self, text: str) -> int | None:
        return self.texts.index(text) if text and self.texts.count(text) == 1 else None


def _accepted(text: str, places: Sequence[tuple[int, int, int]]) -> Iterator[int]:
    """The options named at places that the text does not reject; "not the cat or the dog" rejects both."""
    rejected, at = False, 0
    for start, end, option in places:
        rejected = rejects_before(text, start) or (rejected and bool(LISTED.fullmatch(text, at, start)))
        at = end
        if not rejected and not rejects_after(text, end):
            yield option


def folded(text: str) -> str:
    """Lower case, one space between words, no article in front, no punctuation at the ends; "image 2" is ordinal."""
    text = _SPACES.sub(" ", text).strip(TRIM)
    text = _UNIT.sub("", _ARTICLE.sub("", text).casefold())
    text = _SHORT_ORDINAL.sub(lambda match: f"{ordinals.WORDS[int(match[1][0]) - 1]} ", text)
    return _NUMBERED.sub(lambda match: f"{ordinals.WORDS[int(match[2]) - 1]} {match[1]}", text)


def _digits(match: re.Match[str]) -> str:
    return str(_COUNTS.index(match[0])) if match[0] in _COUNTS else ""


def _bare(choices: Sequence[str]) -> list[str]:
    """The options without the letters that some data sets write in front of them ("A. Apples.")."""
    texts = [choice.translate(FORMS) for choice in choices]
    prefixed = [re.match(rf"\(?{name}[.):]\s*(?=\S)", text) for name, text in zip(LETTERS, texts, strict=False)]
    if len(texts) > 1 and len(prefixed) == len(texts) and all(prefixed):
        return [text[match.end() :] for text, match in zip(texts, prefixed, strict=True) if match]
    return texts
