"""Find an option by its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evalkit.rules.extract.extraction import OptionChoice
from evalkit.rules.extract.markup import EDGE_PUNCTUATION, PLAIN_CHARACTERS, without_formatting
from evalkit.rules.extract.mentions import rejects_after, rejects_before
from evalkit.rules.extract.number_words import CARDINALS, ORDINALS, cardinals
from evalkit.rules.extract.phrases import LIST_SEPARATOR, NONE_OF_THEM
from evalkit.rules.extract.positions import option_at_position, position_mentions
from evalkit.rules.verdict import LETTERS

_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_SPACE_BEFORE_UNIT = re.compile(r"(?<=\d)\s(?=(?:cm|mm|km|m|kg|g|mg|ml|l|hz|khz|mph|ft|°c|°f|°|%)(?!\w))")
_RIGHT_OR_WRONG = r"\s?[:=\-–—]{1,2}\s?(?:(?P<right>yes|true|correct|right)|no|false|incorrect|wrong)(?!\w)"
_NONE_OPTION = re.compile(r"none(?: of (?:the )?[\w ]{1,20})?|no correct (?:answer|option)")
_OPERATOR = re.compile(r"\s?[-+*/=×]\s?\d")
_COUNT_WORD = "|".join(cardinals(0, 12))
_COUNT_OPTION = re.compile(rf"(?:{_COUNT_WORD}|\d+(?:\.0)?)")
_COUNT = re.compile(
    r"(?<!this )(?<!that )(?<!last )(?<!which )(?<!only )(?<!no )(?<!each )(?<!any )(?<!the )(?<!first )(?<!second )"
    rf"\b(?:{_COUNT_WORD})\b(?! of\b)|(?<=\d)\.0\b"
)
_NUMBERED_IMAGE = re.compile(r"\b(image|picture|photo)\s(?:#|no\.?\s)?([1-6])\b")
_SHORT_ORDINAL = re.compile(r"\b(1st|2nd|3rd|[4-6]th)\s(?=(?:image|picture|photo)\b)")

_ONE_BY_ONE = 2_000
"""Characters at the start of a text in which judgements of single options are looked for."""
_LONGEST_POSITION = 60
"""Characters up to which a text may be a position such as "the second one"."""
_MOST_OCCURRENCES = 20
"""Occurrences of one option's text that are read; the first few suffice."""


class Options:
    """The options of one question: their letters, and their texts in the form of `fold`."""

    def __init__(self, choices: Sequence[str]) -> None:
        self.letters = LETTERS[: len(choices)]
        texts = [fold(without_formatting(text)) for text in _without_letters(choices)[: len(LETTERS)]]
        self._all_counts = bool(texts) and all(_COUNT_OPTION.fullmatch(text) for text in texts)
        self.texts = [self._with_digits(text) for text in texts]
        self._longest_first = sorted(range(len(self.texts)), key=lambda i: -len(self.texts[i]))

    def equal_to(self, text: str) -> OptionChoice | None:
        """Return the option that the text as a whole names: by letter, else by text, else by position."""
        bare = text.strip(EDGE_PUNCTUATION)
        if len(bare) == 1 and bare.isascii() and bare.isalpha() and bare.upper() in self.letters:
            return OptionChoice(self.letters.index(bare.upper()), "reply is an option letter")
        option = self._with_text(self._with_digits(fold(text)))
        if option is not None:
            return OptionChoice(option, "reply is an option text")
        option = option_at_position(text, self.texts) if len(text) <= _LONGEST_POSITION else None
        return None if option is None else OptionChoice(option, "reply is an option's position")

    def with_none_as_letter(self, text: str) -> str:
        """Return a text with the letter of the option "none of the above", if there is one, for words that choose it.

        After an option's own letter ("D. none of the above") the words stay.
        """
        none = [index for index, option_text in enumerate(self.texts) if _NONE_OPTION.fullmatch(option_text)]
        if len(none) != 1:
            return text
        label = re.compile(rf"\b{self.letters[none[0]]}[)\]\"']*[.:)]?\s*$")
        return NONE_OF_THEM.sub(
            lambda match: (
                match[0]
                if label.search(text[max(0, match.start() - 8) : match.start()])
                else f"({self.letters[none[0]]})"
            ),
            text,
        )

    def judged_right(self, text: str) -> list[int]:
        """Return the options judged right, where a text judges two or more by their texts: "Red: no. Blue: yes."."""
        judgements: dict[int, bool] = {}
        text = fold(text[:_ONE_BY_ONE])
        for index, option_text in enumerate(self.texts):
            pattern = rf"(?<!\w){re.escape(option_text)}{_RIGHT_OR_WRONG}"
            match = re.search(pattern, text) if option_text else None
            if match:
                judgements[index] = bool(match["right"])
        return [index for index, right in judgements.items() if right] if len(judgements) > 1 else []

    def at_start(self, line: str) -> int | None:
        """Return the option whose text a line starts with; the longest where one contains another."""
        line = self._with_digits(fold(line))
        for index in self._longest_first:
            text = self.texts[index]
            if text and line.startswith(text) and not line[len(text) :].removeprefix("'")[:1].isalnum():
                return None if self._goes_on(line[len(text) :]) else self._with_text(text)
        return None

    def _goes_on(self, rest: str) -> bool:
        """True if a list with another option's text or a calculation follows."""
        if _OPERATOR.match(rest):
            return True
        separator = LIST_SEPARATOR.match(rest)
        if separator is None:
            return False
        rest = _ARTICLE.sub("", rest[separator.end() :])
        return any(text and rest.startswith(text) for text in self.texts)

    def only_one_in(self, text: str) -> int | None:
        """Return the only option whose text or position a stretch contains and does not reject.

        An option's text inside the text of a longer option does not count.
        """
        text = self._with_digits(fold(text))
        mentions = position_mentions(text, len(self.letters))
        longer: list[tuple[int, int]] = []
        for index in self._longest_first:
            spans = [span for span in self._spans(index, text) if not any(a <= span[0] < b for a, b in longer)]
            longer += spans
            mentions += [(start, end, index) for start, end in spans]
        options = set(_accepted(text, sorted(mentions)))
        return options.pop() if len(options) == 1 else None

    def _spans(self, index: int, text: str) -> list[tuple[int, int]]:
        """Return the first spans in which an option's text stands as whole words."""
        if not self.texts[index]:
            return []
        pattern = re.compile(rf"(?<!\w){re.escape(self.texts[index])}(?!'?\w)")
        return [match.span() for match, _ in zip(pattern.finditer(text), range(_MOST_OCCURRENCES), strict=False)]

    def _with_digits(self, text: str) -> str:
        """Return a text with digits for number words where every option is a number: "three" and "3" are equal then."""
        if not self._all_counts:
            return text
        return _COUNT.sub(lambda match: str(CARDINALS.get(match[0], "")), text)  # "" is for the ".0" of "3.0"

    def _with_text(self, text: str) -> int | None:
        """Return the only option that has this text."""
        return self.texts.index(text) if text and self.texts.count(text) == 1 else None


def _accepted(text: str, mentions: Sequence[tuple[int, int, int]]) -> Iterator[int]:
    """Yield the options of mentions that the text does not reject; "not the cat or the dog" rejects both."""
    rejected, last_end = False, 0
    for start, end, option in mentions:
        in_list = rejected and bool(LIST_SEPARATOR.fullmatch(text, last_end, start))
        rejected, last_end = rejects_before(text, start) or in_list, end
        if not rejected and not rejects_after(text, end):
            yield option


def fold(text: str) -> str:
    """Return a text in the form in which options are compared.

    Lower case, one space between words, no article in front, no punctuation at the ends; "image 2" is "second image".
    """
    text = _SPACES.sub(" ", text).strip(EDGE_PUNCTUATION)
    text = _SPACE_BEFORE_UNIT.sub("", _ARTICLE.sub("", text).casefold())
    text = _SHORT_ORDINAL.sub(lambda match: f"{ORDINALS[int(match[1][0]) - 1]} ", text)
    return _NUMBERED_IMAGE.sub(lambda match: f"{ORDINALS[int(match[2]) - 1]} {match[1]}", text)


def _without_letters(choices: Sequence[str]) -> list[str]:
    """Return the options without the letters that some data sets write in front of them ("A. Apples.")."""
    texts = [choice.translate(PLAIN_CHARACTERS) for choice in choices]
    prefixes = [re.match(rf"\(?{letter}[.):]\s*(?=\S)", text) for letter, text in zip(LETTERS, texts, strict=False)]
    if len(texts) > 1 and len(prefixes) == len(texts) and all(prefixes):
        return [text[prefix.end() :] for text, prefix in zip(texts, prefixes, strict=True) if prefix]
    return texts
