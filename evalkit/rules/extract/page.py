"""A text with its namings of options: sentences, lists, conclusions, and what a stretch of it names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence

from evalkit.rules.extract import phrases
from evalkit.rules.extract.mentions import Mention, joined, mentions, starts_line

_STOP = re.compile(r"[.!?。!?](?=\s|$|[^\x00-\x7f])|(?<!:)(?<!:\n)(?<!:\n\n)\n")
_FIGURES = re.compile(r"\d+")
_CUT = re.compile(r"[\w,(]\s*$")

# Bounds on the time taken: of all announcements the last ones are read, and of a sentence without an end its start.
LAST = 50
SENTENCE = 1_000
LONG = 800
"""Characters from which on a reply that ends within a sentence was cut off."""
OPENING = 30
"""Characters that may stand before an option's letter in lines that list options: "3. Option (C): ..."."""

Span = tuple[int, int]


class Page:
    """A plain text and the options that it names, in order."""

    def __init__(self, text: str, options: Sequence[str]) -> None:
        self.text = text
        self.options = len(options)
        self.named = mentions(text, options)
        self.starts = [m for m in self.named if m.strong and starts_line(text, m.start)]
        self._openings = {mention.start: self._opening(mention) for mention in self.named}
        self._last_alike: dict[str, dict[int, int]] = {}
        for mention in self.named:
            if (opening := self._openings[mention.start]) is not None:
                self._last_alike.setdefault(opening, {})[mention.option] = mention.start

    def kept(self, start: int, end: int) -> list[Mention]:
        """The namings in a stretch that the text does not reject."""
        first, last = (bisect_left(self.named, at, key=lambda mention: mention.start) for at in (start, end))
        return [m for m in self.named[first:last] if not m.rejected]

    def single(self, kept: Sequence[Mention]) -> int | None:
        """The option of namings that agree, or of those before a contrast ("while", "whereas") if these agree."""
        if not kept or any(self.heads_list(mention) for mention in kept):
            return None
        if len({m.option for m in kept}) > 1:
            contrast = phrases.CONTRASTED.search(self.text, kept[0].end, kept[-1].start)
            if not contrast or phrases.DIFFERING.search(self.text, kept[0].end, contrast.start()):
                return None
            kept = [m for m in kept if m.start < contrast.start()]
        return kept[0].option if len({m.option for m in kept}) == 1 else None

    def listed(self, kept: Sequence[Mention]) -> bool:
        """Whether the first option named comes with another one in a list: "A or B"."""
        return len(kept) > 1 and kept[0].option != kept[1].option and joined(self.text, kept[0], kept[1])

    def heads_list(self, mention: Mention) -> bool:
        """Whether a later line opens like this one and names another option: a list, not an answer."""
        opening = self._openings[mention.start]
        alike = {} if opening is None else self._last_alike[opening]
        return any(start > mention.start and option != mention.option for option, start in alike.items())

    def in_list(self, mention: Mention) -> bool:
        """Whether another line opens like this one and names another option."""
        opening = self._openings[mention.start]
        return opening is not None and len(self._last_alike[opening]) > 1

    def echoes(self) -> bool:
        """Whether the text repeats the options: line after line, or all of three or more in order."""
        order = list(dict.fromkeys(m.option for m in self.named if m.strong and not m.rejected))
        lines = any(len(alike) > 1 for alike in self._last_alike.values())
        return lines or (len(order) > 2 and order == list(range(self.options)))

    def declines(self, start: int, end: int) -> bool:
        """Whether a stretch declines to answer and does not take that back."""
        refusal = phrases.REFUSED.search(self.text, start, end)
        return refusal is not None and not phrases.TURNED.search(self.text, refusal.end(), end)

    def cut(self) -> bool:
        """Whether the text ends within a sentence, because no more tokens were allowed."""
        return len(self.text) > LONG and bool(_CUT.search(self.text[-OPENING:]))

    def conclusions(self) -> Iterator[Span]:
        """Where sentences that open a conclusion lie, from the opening words to their end."""
        for cue in deque(phrases.CONCLUDED.finditer(self.text), maxlen=LAST):
            end = self.stop(cue.end())
            if not self.declines(cue.start(), end):
                yield cue.end(), end

    def stops(self) -> list[int]:
        """Where sentences end; the end of the text is not among them."""
        return [stop.end() for stop in _STOP.finditer(self.text)]

    def stop(self, start: int) -> int:
        """The end of the sentence that `start` lies in."""
        stop = _STOP.search(self.text, start, start + SENTENCE)
        return stop.start() if stop else min(start + SENTENCE, len(self.text))

    def line(self, mention: Mention) -> int:
        """Where the mention's line starts."""
        return self.text.rfind("\n", 0, mention.start)

    def _opening(self, mention: Mention) -> str | None:
        """What stands before a mention in its line, figures and bullets aside; None where that is more than words."""
        before = self.text[max(0, mention.start - OPENING) : mention.start]
        if "\n" not in before and mention.start > OPENING:
            return None
        return _FIGURES.sub("", before.rpartition("\n")[2]).strip(" \t-*•>\"'(.").lower()
