"""Read which option a free-form reply settles on; calibrated on published replies of ten models to BLINK."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.rules.extract import phrases
from evalkit.rules.extract.announced import SEVERAL, announced, judged
from evalkit.rules.extract.mentions import rejects_after
from evalkit.rules.extract.options import Options, folded
from evalkit.rules.extract.page import Page, Span
from evalkit.rules.extract.plain import TRIM, final, plain

_ONLY_LETTERS = re.compile(r"[\s(\[]*(?:[A-Za-z](?:[\s.,;:/&|()\[\]+-]+|$)){2,26}")
_ANSWERS = re.compile(r"\b(?i:answer\s?(?:is\b|:)|it(?:'s| is)\b)\s{0,3}\(?([A-Z])\b")
_TURNS = re.compile(
    r"\b(?:wait|no|not|actually|but|however|sorry|rather|instead|final|finally|therefore|so|thus|correction|scratch)\b",
    re.IGNORECASE,
)
_LAST_LINE = re.compile(r"(:?)\s*\n\s*\(?([A-Z])\)?([.:]?\s[^\n]{1,80}|\.?)$")

SHORT = 200
"""Characters of a reply that may be read as one statement."""


def letter(reply: str, choices: Sequence[str]) -> str | None:
    """The letter of the option that a reply settles on, None when it settles on none; linear in the reply's length.

    The reply as a whole may be a letter or an option's text (the letter wins). Otherwise, in this order: what a
    `\\boxed` or an `<answer>` holds; the last announced, confirmed or concluded answer ("the answer is", "B is
    correct", "so (B)"), which may be none ("A or B"); the only option judged right ("A: no. B: yes."); none where the
    question is handed back; the last line, if it is one letter or a colon leads there; what the reply opens with; the
    only letter that starts a line; a conclusion that names an option by its text; what the first sentence claims; the
    only option named and not rejected.
    """
    if not choices:
        return None
    options, text = Options(choices), plain(reply)
    option = _settled(text, options)
    return None if option is None else options.letters[option]


def _settled(text: str, options: Options) -> int | None:
    held = final(text)
    if held is not None:
        found = _settled(held, options)
        if found is not None:
            return found
    found = options.whole(text)
    if found is not None or (len(text) < SHORT and (_spells(text, options) or _contradicts(text))):
        return found
    return _said(Page(text, options.texts), options)


def _spells(text: str, options: Options) -> bool:
    """Whether a text is nothing but different option letters: "A B", "A. B. C. D."."""
    named = {sign.upper() for sign in text if sign.isalpha()}
    return bool(_ONLY_LETTERS.fullmatch(text)) and len(named) > 1 and named <= set(options.letters)


def _contradicts(text: str) -> bool:
    """Whether a short text announces two answers, and no word between them takes one back."""
    return len({name.upper() for name in _ANSWERS.findall(text)}) > 1 and not _TURNS.search(text)


def _said(page: Page, options: Options) -> int | None:
    found, right = announced(page, options), judged(page, options)
    if found is not None:
        return None if found == SEVERAL else found
    if right:
        return right[0] if len(right) == 1 else None
    if page.echoes() and phrases.ASKED.search(page.text[-SHORT:]):
        return None
    steps = (_closing, _opening, _standing, _concluded, _claimed, _only)
    return next((option for step in steps if (option := step(page, options)) is not None), None)


# --- where a reply puts its answer


def _closing(page: Page, options: Options) -> int | None:
    """The letter that makes up the last line, no other line being one; with its text, where a colon leads there."""
    last = _LAST_LINE.search(page.text[-SHORT:])
    if last is None or last[2] not in options.letters:
        return None
    option = options.letters.index(last[2])
    if last[1]:
        return option if {m.option for m in page.kept(page.text.rfind("\n"), len(page.text))} == {option} else None
    alone = {line.strip(TRIM) for line in page.text.split("\n")} & set(options.letters)
    return option if not last[3].strip(".") and len(alone) == 1 else None


def _opening(page: Page, options: Options) -> int | None:
    """The option that the reply opens with, unless it goes on to list them all."""
    first = next((m for m in page.named if not m.rejected), None)
    if first and first.strong and not page.text[: first.start].strip(" \t\n*\"'([-"):
        return None if page.echoes() or page.listed(page.kept(0, len(page.text))) else first.option
    line = page.text.split("\n", 1)[0]
    found = options.opening(line)
    return None if found is None or rejects_after(folded(line), len(options.texts[found])) else found


def _standing(page: Page, _: Options) -> int | None:
    """The only option whose letter starts a line."""
    starts = page.starts
    if len({m.option for m in starts}) != 1 or starts[-1].rejected or page.echoes():
        return None
    return None if page.listed(page.kept(starts[0].start, len(page.text))) else starts[0].option


def _concluded(page: Page, options: Options) -> int | None:
    """The option of the last concluding sentence that names exactly one."""
    for span in reversed(list(page.conclusions())):
        option = _named(page, options, span)
        if option is not None:
            return option
    return None


def _claimed(page: Page, options: Options) -> int | None:
    """The option of which the first sentence says that it compares best."""
    start, end = 0, page.stop(0)
    if not phrases.COMPARED.search(page.text, start, end) or page.declines(start, end):
        return None
    option = page.single(page.kept(start, end))
    return option if option is not None else options.within(page.text[start:end])


def _only(page: Page, options: Options) -> int | None:
    """The only option that a stretch names and does not reject: the last sentence, the first, all.

    Of a reply that was cut off only the first sentence counts.
    """
    text, size = page.text, len(page.text)
    if page.declines(0, size):
        return None
    echoed = {page.line(m) for m in page.named if page.in_list(m)} if page.echoes() else set()
    last = ([0] + [end for end in page.stops() if end < len(text.rstrip(TRIM))])[-1]
    first, tail, whole = (0, page.stop(0)), (text.rfind("\n\n") + 1, size), (0, size)
    for start, end in (first,) if page.cut() else ((last, size), first, tail, whole):
        option = page.single([m for m in page.kept(start, end) if page.line(m) not in echoed])
        if option is not None:
            return option
    texts = [] if echoed else [options.within(text[start:end]) for start, end in (first, tail, whole)]
    return next((option for option in texts if option is not None), None)


def _named(page: Page, options: Options, span: Span) -> int | None:
    """The one option that a stretch names, by letter or else by its text."""
    kept = page.kept(*span)
    return page.single(kept) if kept else options.within(page.text[slice(*span)])
