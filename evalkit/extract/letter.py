"""Read which option a free-form reply settles on; calibrated on published replies of ten models to BLINK."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence

from evalkit.extract import phrases
from evalkit.extract.mentions import Mention, joined, mentions, rejects_after, rejects_before, starts_line
from evalkit.extract.options import Options, folded
from evalkit.extract.plain import TRIM, final, plain

_STOP = re.compile(r"[.!?。!?](?=\s|$|[^\x00-\x7f])|(?<!:)(?<!:\n)(?<!:\n\n)\n")
_BLANK = re.compile(r"[\s:*\"'>\-–—=→]*")
_ONLY_LETTERS = re.compile(r"[\s(\[]*(?:[A-Za-z](?:[\s.,;:/&|()\[\]+-]+|$)){2,26}")
_ANSWERS = re.compile(r"\b(?i:answer\s?(?:is\b|:)|it(?:'s| is)\b)\s{0,3}\(?([A-Z])\b")
_TURNS = re.compile(
    r"\b(?:wait|no|not|actually|but|however|sorry|rather|instead|final|finally|therefore|so|thus|correction|scratch)\b",
    re.IGNORECASE,
)
_JUDGED = re.compile(
    r"(?<!\w)\(?(?P<name>[A-Z])(?:\)?\s?[.):=\-–—]{1,2}\s{0,2}|\)?\s(?:is\s)?)"
    r"(?:(?P<yes>(?i:yes|true|correct|right)\b|[✓✔✅])|(?P<no>(?i:no|false|incorrect|wrong|not correct)\b|[✗✘❌✕×]))"
)
_SMALL = re.compile(r"\(?([a-z])\)?(?=[.):,;\]]|\s*$|\s*\n)")

# Bounds on the time taken: of all announcements the last ones are read, and of a sentence without an end its start.
LAST = 50
SENTENCE = 1_000
SHORT = 200
"""Characters of a reply that may be read as one statement."""

Span = tuple[int, int]


def letter(reply: str, choices: Sequence[str]) -> str | None:
    """The letter of the option that a reply settles on, None when it settles on none; linear in the reply's length.

    The reply as a whole may be a letter or an option's text (the letter wins). Otherwise, in this order: what a
    `\\boxed` or an `<answer>` holds; the last announced, confirmed or concluded answer ("the answer is", "B is
    correct", "so (B)"); what the reply opens with; the only letter that starts a line; a conclusion that names an
    option by its text; what the first sentence claims; the only option named and not rejected.
    """
    if not choices:
        return None
    options, text = Options(choices), plain(reply)
    option = _Reading(text, options).option()
    return None if option is None else options.letters[option]


class _Reading:
    """One text read for one list of options; every step gives an option's number or None."""

    def __init__(self, text: str, options: Options) -> None:
        self.text = text
        self.options = options
        self.named: list[Mention] = []
        self.starts: list[Mention] = []
        self.last_starts: list[Mention] = []

    def option(self) -> int | None:
        held = final(self.text)
        if held is not None:
            found = _Reading(held, self.options).option()
            if found is not None:
                return found
        found = self.options.whole(self.text)
        if found is not None or (len(self.text) < SHORT and (self._spells() or self._contradicts())):
            return found
        return self._said()

    def _spells(self) -> bool:
        """Whether the text is nothing but different option letters: "A B", "A. B. C. D."."""
        named = {sign.upper() for sign in self.text if sign.isalpha()}
        return bool(_ONLY_LETTERS.fullmatch(self.text)) and len(named) > 1 and named <= set(self.options.letters)

    def _said(self) -> int | None:
        self.named = mentions(self.text, len(self.options.letters))
        self.starts = [m for m in self.named if m.strong and starts_line(self.text, m.start)]
        self.last_starts = list({m.option: m for m in self.starts}.values())
        announced, judged = self._announced(), self._judged()
        if announced is not None or judged:
            return announced if announced is not None else judged[0] if len(judged) == 1 else None
        steps = (self._opening, self._standing, self._concluded, self._claimed, self._only)
        return next((option for step in steps if (option := step()) is not None), None)

    # --- an answer that is announced

    def _announced(self) -> int | None:
        return max(self._announcements(), default=(0, None))[1]

    def _announcements(self) -> Iterator[tuple[int, int]]:
        """Places of announced answers; the last one counts, because replies correct themselves."""
        for cue in deque(phrases.ANNOUNCED.finditer(self.text), maxlen=LAST):
            option = None if rejects_before(self.text, cue.start()) else self._after(cue.end())
            if option is not None:
                yield cue.end(), option
        for mention in self.named:
            if not mention.rejected and phrases.CONFIRMED.match(self.text, mention.end, mention.end + 240):
                yield mention.start, mention.option
        for start, end in self._conclusions():
            option = self._single([m for m in self._kept(start, end) if m.strong])
            if option is not None:
                yield start, option

    def _after(self, start: int) -> int | None:
        """The first option named between an announcement and the end of its sentence; of a list, none."""
        blank = _BLANK.match(self.text, start)
        start = blank.end() if blank else start
        small = _SMALL.match(self.text, start)
        if small and small[1].upper() in self.options.letters:
            return self.options.letters.index(small[1].upper())
        end = min(self._stop(start + 2), start + 300)
        kept = self._kept(start, end)
        if not kept:
            return self.options.within(self.text[start:end])
        if self._heads_list(kept[0]):
            return None
        return None if self._listed(kept) else kept[0].option

    def _contradicts(self) -> bool:
        """Whether a short text announces two answers, and no word between them takes one back."""
        return len({name.upper() for name in _ANSWERS.findall(self.text)}) > 1 and not _TURNS.search(self.text)

    def _judged(self) -> list[int]:
        """Options said to be right where at least two are judged one by one: "A: no. B: yes."."""
        found = [match for match in _JUDGED.finditer(self.text) if match["name"] in self.options.letters]
        if len({match["name"] for match in found}) < 2:
            return self.options.judged(self.text)
        return sorted({self.options.letters.index(match["name"]) for match in found if match["yes"]})

    # --- where a reply puts its answer

    def _opening(self) -> int | None:
        """The option that the reply opens with, unless it goes on to list them all."""
        first = next((m for m in self.named if not m.rejected), None)
        if first and first.strong and not self.text[: first.start].strip(" \t\n*\"'([-"):
            return None if self._lists() or self._listed(self._kept(0, len(self.text))) else first.option
        line = self.text.split("\n", 1)[0]
        found = self.options.opening(line)
        return None if found is None or rejects_after(folded(line), len(self.options.texts[found])) else found

    def _standing(self) -> int | None:
        """The only option whose letter starts a line."""
        starts = self.starts
        if (
            len(self.last_starts) != 1
            or starts[-1].rejected
            or self._listed(self._kept(starts[0].start, len(self.text)))
        ):
            return None
        return starts[0].option

    def _concluded(self) -> int | None:
        """The option of the last concluding sentence that names exactly one."""
        for start, end in reversed(list(self._conclusions())):
            kept = self._kept(start, end)
            option = self._single(kept) if kept else self.options.within(self.text[start:end])
            if option is not None:
                return option
        return None

    def _claimed(self) -> int | None:
        """The option of which the first sentence says that it compares best."""
        start, end = 0, self._stop(0)
        if not phrases.COMPARED.search(self.text, start, end) or self._declines(start, end):
            return None
        kept = self._kept(start, end)
        option = self._single(kept) if kept else None
        return option if option is not None else self.options.within(self.text[start:end])

    def _only(self) -> int | None:
        """The only option that a stretch names and does not reject: the last sentence, the first, all."""
        if self._declines(0, len(self.text)):
            return None
        echoed = {self._line(m) for m in self.starts} if self._lists() else set()
        ends = [stop.end() for stop in _STOP.finditer(self.text.rstrip(TRIM))]
        whole, first = (0, len(self.text)), (0, self._stop(0))
        last, tail = ((ends or [0])[-1], len(self.text)), (self.text.rfind("\n\n") + 1, len(self.text))
        for start, end in (last, first, tail, whole):
            option = self._single([m for m in self._kept(start, end) if self._line(m) not in echoed])
            if option is not None:
                return option
        texts = [] if echoed else [self.options.within(self.text[start:end]) for start, end in (first, tail, whole)]
        return next((option for option in texts if option is not None), None)

    # --- parts of the text

    def _kept(self, start: int, end: int) -> list[Mention]:
        first, last = (bisect_left(self.named, at, key=lambda mention: mention.start) for at in (start, end))
        return [m for m in self.named[first:last] if not m.rejected]

    def _single(self, kept: list[Mention]) -> int | None:
        """The option of mentions that agree, or of those before a contrast ("while", "whereas") if these agree."""
        if not kept or self._heads_list(kept[-1]):
            return None
        if len({m.option for m in kept}) > 1:
            contrast = phrases.CONTRASTED.search(self.text, kept[0].end, kept[-1].start)
            if not contrast or phrases.DIFFERING.search(self.text, kept[0].end, contrast.start()):
                return None
            kept = [m for m in kept if m.start < contrast.start()]
        return kept[0].option if len({m.option for m in kept}) == 1 else None

    def _listed(self, kept: list[Mention]) -> bool:
        """Whether the first option named comes with another one in a list: "A or B"."""
        return len(kept) > 1 and kept[0].option != kept[1].option and joined(self.text, kept[0], kept[1])

    def _heads_list(self, mention: Mention) -> bool:
        """Whether a mention starts a line and another option's starts a later one: a list, not an answer."""
        later = any(m.start > mention.start and m.option != mention.option for m in self.last_starts)
        return later and starts_line(self.text, mention.start)

    def _declines(self, start: int, end: int) -> bool:
        """Whether a stretch declines to answer and does not take that back."""
        refusal = phrases.REFUSED.search(self.text, start, end)
        return refusal is not None and not phrases.TURNED.search(self.text, refusal.end(), end)

    def _line(self, mention: Mention) -> int:
        """Where the mention's line starts."""
        return self.text.rfind("\n", 0, mention.start)

    def _lists(self) -> bool:
        """Whether the reply repeats the options: line after line, or all of three or more in order."""
        order = list(dict.fromkeys(m.option for m in self.named if m.strong and not m.rejected))
        lines = len({m.option for m in self.starts})
        return lines > 1 or (len(order) > 2 and order == list(range(len(self.options.letters))))

    def _conclusions(self) -> Iterator[Span]:
        """Where sentences that open a conclusion lie, from the opening words to their end."""
        for cue in deque(phrases.CONCLUDED.finditer(self.text), maxlen=LAST):
            end = self._stop(cue.end())
            if not self._declines(cue.start(), end):
                yield cue.end(), end

    def _stop(self, start: int) -> int:
        """The end of the sentence that `start` lies in."""
        stop = _STOP.search(self.text, start, start + SENTENCE)
        return stop.start() if stop else min(start + SENTENCE, len(self.text))
