"""The answer that a text announces, confirms or concludes, and options that it judges one by one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from evalkit.rules.extract import phrases
from evalkit.rules.extract.mentions import Mention, joined, rejects_before
from evalkit.rules.extract.options import Options
from evalkit.rules.extract.page import LAST, Page

_BLANK = re.compile(r"[\s:*\"'>\-–—=→]*")
_SMALL = re.compile(r"\(?([a-z])\)?(?=[.):,;\]]|\s*$|\s*\n)")
_BRACKETED = re.compile(r"\(([B-Z])\)")
_TOGETHER = re.compile(r"\b(?:or|and)\b|[&和或]")
_JUDGED = re.compile(
    r"(?<!\w)\(?(?P<name>[A-Z])(?:\)?\s?[.):=\-–—?]{1,2}\s{0,2}|\)?\s(?:is\s)?)"
    r"(?:(?P<yes>(?i:yes|true|correct|right)\b|[✓✔✅])|(?P<no>(?i:no|false|incorrect|wrong|not correct)\b|[✗✘❌✕×]))"
)

SEVERAL = -1
"""What an announcement of two options, or of one that does not exist, gives: no answer, and nothing else to read."""


def announced(page: Page, options: Options) -> int | None:
    """The option announced last, because replies correct themselves; SEVERAL where the last words name two.

    Answers that go through the options, one after the other, answer something else: "matches (A). So the answer is
    (A). ... The answer is (B). ... The answer is (C).".
    """
    told = sorted(_told(page, options))
    found = sorted([*told, *_confirmed(page), *_concluded(page)])
    if not found:
        return None
    order = [option for _, option in told]
    through = len(set(order)) > 2 and order == sorted(order) and order[-1] == found[-1][1]
    return SEVERAL if through else found[-1][1]


def judged(page: Page, options: Options) -> list[int]:
    """Options said to be right where at least two are judged one by one: "A: no. B: yes."."""
    found = [match for match in _JUDGED.finditer(page.text) if match["name"] in options.letters]
    if len({match["name"] for match in found}) < 2:
        return options.judged(page.text)
    return sorted({options.letters.index(match["name"]) for match in found if match["yes"]})


def _told(page: Page, options: Options) -> Iterator[tuple[int, int]]:
    """Where "the answer is" and its like stand, and what follows."""
    for cue in deque(phrases.ANNOUNCED.finditer(page.text), maxlen=LAST):
        option = None if rejects_before(page.text, cue.start()) else _after(page, options, cue.end())
        if option is not None:
            yield cue.end(), option


def _confirmed(page: Page) -> Iterator[tuple[int, int]]:
    """Options said to be right; "A or B could be right" settles on none."""
    for index, mention in enumerate(page.named):
        if not mention.rejected and phrases.CONFIRMED.match(page.text, mention.end, mention.end + 240):
            yield mention.start, SEVERAL if index and _either(page, page.named[index - 1], mention) else mention.option


def _either(page: Page, left: Mention, right: Mention) -> bool:
    """Whether two options are said together: "A or B"."""
    apart = left.option != right.option and not left.rejected and joined(page.text, left, right)
    return apart and bool(_TOGETHER.search(page.text, left.end, right.start))


def _concluded(page: Page) -> Iterator[tuple[int, int]]:
    """What sentences that open a conclusion name by letter: one option, or two in a list."""
    for start, end in page.conclusions():
        kept = page.kept(start, end)
        strong = [m for m in kept if m.strong]
        option = None if page.listed(kept) else page.single(strong)
        if option is not None:
            yield start, option
        elif any(a.option != b.option and joined(page.text, a, b) for a, b in pairwise(strong)):
            yield start, SEVERAL


def _after(page: Page, options: Options, start: int) -> int | None:
    """The first option named between an announcement and the end of its sentence; None where a list starts."""
    blank = _BLANK.match(page.text, start)
    start = blank.end() if blank else start
    unknown = _BRACKETED.match(page.text, start)
    if unknown and unknown[1] not in options.letters:
        return SEVERAL
    small = _SMALL.match(page.text, start)
    if small and small[1].upper() in options.letters:
        return options.letters.index(small[1].upper())
    end = min(page.stop(start + 2), start + 300)
    kept = page.kept(start, end)
    if not kept:
        return options.within(page.text[start:end])
    if page.heads_list(kept[0]):
        return None
    return SEVERAL if page.listed(kept) else kept[0].option
