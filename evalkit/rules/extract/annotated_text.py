"""A reply's text with its mentions of options: where sentences end, what lists options, what a stretch names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence

from evalkit.rules.extract import phrases
from evalkit.rules.extract.mentions import Mention, find_mentions, in_one_list, starts_line

_SENTENCE_END = re.compile(r"[.!?。!?](?=\s|$|[^\x00-\x7f])|(?<!:)(?<!:\n)(?<!:\n\n)\n")
_DIGITS = re.compile(r"\d+")
_WITHIN_SENTENCE = re.compile(r"[\w,(]\s*$")

LAST_PHRASES = 50
"""The most announcements and conclusions that are read, the last ones, to bound the time."""
_LONGEST_SENTENCE = 1_000
"""The most characters of a sentence that are read, to bound the time."""
_CUT_OFF = 800
"""Length in characters beyond which a reply that ends within a sentence counts as cut off."""
_LONGEST_LABEL = 30
"""The most characters before an option's letter in a line of a list of options: "3. Option (C): ..."."""

Span = tuple[int, int]


class AnnotatedText:
    """A plain text and its mentions of options, in order; spans and positions count characters of the text."""

    def __init__(self, text: str, option_texts: Sequence[str]) -> None:
        self.text = text
        self.option_count = len(option_texts)
        self.mentions = find_mentions(text, option_texts)
        self.line_starts = [m for m in self.mentions if m.certain and starts_line(text, m.start)]
        self._labels = {mention.start: self._label(mention) for mention in self.mentions}
        # by label, the options that follow it, each with the start of its last mention
        self._options_by_label: dict[str, dict[int, int]] = {}
        for mention in self.mentions:
            if (label := self._labels[mention.start]) is not None:
                self._options_by_label.setdefault(label, {})[mention.option] = mention.start

    def accepted(self, start: int, end: int) -> list[Mention]:
        """Return the mentions in a stretch that the text does not reject."""
        first, last = (bisect_left(self.mentions, at, key=lambda mention: mention.start) for at in (start, end))
        return [m for m in self.mentions[first:last] if not m.rejected]

    def common_option(self, mentions: Sequence[Mention]) -> int | None:
        """Return the one option that all mentions name, else the one that all before a contrast ("while") name.

        None for neither, and if one of the mentions opens a list of options.
        """
        if not mentions or any(self.opens_list(mention) for mention in mentions):
            return None
        if len({m.option for m in mentions}) > 1:
            contrast = phrases.CONTRAST.search(self.text, mentions[0].end, mentions[-1].start)
            if not contrast or phrases.DIFFERENCE.search(self.text, mentions[0].end, contrast.start()):
                return None
            mentions = [m for m in mentions if m.start < contrast.start()]
        return mentions[0].option if len({m.option for m in mentions}) == 1 else None

    def opens_with_alternatives(self, mentions: Sequence[Mention]) -> bool:
        """True if the first two mentions are different options in one list: "A or B"."""
        return (
            len(mentions) > 1
            and mentions[0].option != mentions[1].option
            and in_one_list(self.text, mentions[0], mentions[1])
        )

    def opens_list(self, mention: Mention) -> bool:
        """True if a later line has the same label and another option: a list of options, not an answer."""
        label = self._labels[mention.start]
        options = {} if label is None else self._options_by_label[label]
        return any(start > mention.start and option != mention.option for option, start in options.items())

    def in_list_of_options(self, mention: Mention) -> bool:
        """True if another line has the same label and another option."""
        label = self._labels[mention.start]
        return label is not None and len(self._options_by_label[label]) > 1

    def repeats_options(self) -> bool:
        """True if the text repeats the options: on lines with equal labels, or, of three or more, all in order."""
        order = list(dict.fromkeys(m.option for m in self.mentions if m.certain and not m.rejected))
        in_lines = any(len(options) > 1 for options in self._options_by_label.values())
        return in_lines or (len(order) > 2 and order == list(range(self.option_count)))

    def declines(self, start: int, end: int) -> bool:
        """True if a stretch declines to answer and does not take that back."""
        refusal = phrases.REFUSAL.search(self.text, start, end)
        return refusal is not None and not phrases.RECONSIDERATION.search(self.text, refusal.end(), end)

    def cut_off(self) -> bool:
        """True if the text is long and ends within a sentence: the token limit ended it."""
        return len(self.text) > _CUT_OFF and bool(_WITHIN_SENTENCE.search(self.text[-_LONGEST_LABEL:]))

    def conclusions(self) -> Iterator[Span]:
        """Yield the spans of concluding sentences, without the words that open them."""
        for opening in deque(phrases.CONCLUSION.finditer(self.text), maxlen=LAST_PHRASES):
            end = self.sentence_end(opening.end())
            if not self.declines(opening.start(), end):
                yield opening.end(), end

    def sentence_ends(self) -> list[int]:
        """Return the ends of all sentences but the last one's, which is the end of the text."""
        return [match.end() for match in _SENTENCE_END.finditer(self.text)]

    def sentence_end(self, start: int) -> int:
        """Return the end of the sentence that `start` lies in."""
        match = _SENTENCE_END.search(self.text, start, start + _LONGEST_SENTENCE)
        return match.start() if match else min(start + _LONGEST_SENTENCE, len(self.text))

    def line_of(self, mention: Mention) -> int:
        """Return the position of the line break before a mention (-1: first line), which identifies its line."""
        return self.text.rfind("\n", 0, mention.start)

    def _label(self, mention: Mention) -> str | None:
        """Return the words before a mention in its line, without digits and bullets; None where they are too long."""
        before = self.text[max(0, mention.start - _LONGEST_LABEL) : mention.start]
        if "\n" not in before and mention.start > _LONGEST_LABEL:
            return None
        return _DIGITS.sub("", before.rpartition("\n")[2]).strip(" \t-*•>\"'(.").lower()
