"""The answer that a reply announces, confirms or concludes, and the options that it judges one by one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from evalkit.rules.extract import phrases
from evalkit.rules.extract.annotated_text import LAST_PHRASES, AnnotatedText
from evalkit.rules.extract.extraction import OptionChoice
from evalkit.rules.extract.mentions import Mention, in_one_list, rejects_before
from evalkit.rules.extract.options import Options

_BLANK = re.compile(r"[\s:*\"'>\-–—=→]*")
_SMALL_LETTER = re.compile(r"\(?([a-z])\)?(?=[.):,;\]]|\s*$|\s*\n)")
_BRACKETED_LETTER = re.compile(r"\(([B-Z])\)")
_ALTERNATIVE = re.compile(r"\b(?:or|and)\b|[&和或]")
_JUDGED_LETTER = re.compile(
    r"(?<!\w)\(?(?P<letter>[A-Z])(?:\)?\s?[.):=\-–—?]{1,2}\s{0,2}|\)?\s(?:is\s)?)"
    r"(?:(?P<right>(?i:yes|true|correct|right)\b|[✓✔✅])"
    r"|(?P<wrong>(?i:no|false|incorrect|wrong|not correct)\b|[✗✘❌✕×]))"
)
_PERCENTAGE = re.compile(
    r"(?<!\w)\(?(?P<letter>[A-Z])\)?\s?(?:[.):=\-–—]{1,2}|is|has)?\s{0,2}(?P<percent>\d{1,3}(?:\.\d{1,9})?)\s?%"
)

_NO_OPTION = -1
"""Stands for an announcement of two options, or of one that does not exist; it sorts before every option."""

Announcement = tuple[int, int, str]
"""Place, option (or `_NO_OPTION`) and step."""


def announced_choice(text: AnnotatedText, options: Options) -> OptionChoice | None:
    """Return the option announced last, because replies correct themselves; None if nothing is announced.

    The choice has no option where the last announcement names two, and where the announcements go through the options
    one after the other, since none of them is the answer then: "The answer is (A). ... The answer is (B). ... The
    answer is (C).".
    """
    after_phrases = sorted(_announcements(text, options))
    announcements = sorted([*after_phrases, *_confirmations(text), *_conclusions(text)])
    if not announcements:
        return None
    _, option, step = announcements[-1]
    order = [announced for _, announced, _ in after_phrases]
    if len(set(order)) > 2 and order == sorted(order) and order[-1] == option:
        return OptionChoice(None, "every option announced in turn")
    return OptionChoice(None, "several options announced") if option == _NO_OPTION else OptionChoice(option, step)


def options_judged_right(text: AnnotatedText, options: Options) -> list[int]:
    """Return the options judged right, by letter or else by text, where at least two are judged: "A: no. B: yes.".

    Where the options have probabilities, the likeliest count as right.
    """
    likeliest = _likeliest(text.text, options)
    if likeliest:
        return likeliest
    matches = [match for match in _JUDGED_LETTER.finditer(text.text) if match["letter"] in options.letters]
    if len({match["letter"] for match in matches}) < 2:
        return options.judged_right(text.text)
    return sorted({options.letters.index(match["letter"]) for match in matches if match["right"]})


def _likeliest(text: str, options: Options) -> list[int]:
    """Return the options of the highest percentage, where they cover all: "A: 10%, B: 80%, C: 10%"."""
    if any(option_text.endswith("%") for option_text in options.texts):
        return []
    shares = {match["letter"]: float(match["percent"]) for match in _PERCENTAGE.finditer(text)}
    whole = set(shares) == set(options.letters) or 99 <= sum(shares.values()) <= 101
    if len(shares) < 2 or not whole or not set(shares) <= set(options.letters):
        return []
    return [options.letters.index(letter) for letter in sorted(shares) if shares[letter] == max(shares.values())]


def _announcements(text: AnnotatedText, options: Options) -> Iterator[Announcement]:
    """Yield the options that follow phrases such as "the answer is"."""
    for phrase in deque(phrases.ANNOUNCEMENT.finditer(text.text), maxlen=LAST_PHRASES):
        if rejects_before(text.text, phrase.start()) or _is_conditional(text.text, phrase):
            continue
        option = _option_after(text, options, phrase.end())
        if option is not None:
            yield phrase.end(), option, "announced answer"


def _is_conditional(text: str, announcement: re.Match[str]) -> bool:
    """True for "If it had pointed ears I'd say A" and "I'd say A if it barked, but"."""
    start, end = announcement.span()
    if not phrases.CONDITIONAL.search(announcement[0]):
        return False
    before = phrases.CONDITION.search(text[max(0, start - 100) : start])
    return bool(before or phrases.CONDITION_AFTER.match(text, end, end + 140))


def _confirmations(text: AnnotatedText) -> Iterator[Announcement]:
    """Yield the options said to be right, `_NO_OPTION` for "A or B could be right"."""
    for index, mention in enumerate(text.mentions):
        if not mention.rejected and phrases.CONFIRMATION.match(text.text, mention.end, mention.end + 240):
            either = bool(index) and _alternatives(text, text.mentions[index - 1], mention)
            yield mention.start, _NO_OPTION if either else mention.option, "option said to be right"


def _alternatives(text: AnnotatedText, left: Mention, right: Mention) -> bool:
    """True if two different options are named together: "A or B"."""
    if left.option == right.option or left.rejected or not in_one_list(text.text, left, right):
        return False
    return bool(_ALTERNATIVE.search(text.text, left.end, right.start))


def _conclusions(text: AnnotatedText) -> Iterator[Announcement]:
    """Yield the options that concluding sentences name by letter, `_NO_OPTION` where one names two in a list."""
    for start, end in text.conclusions():
        mentions = text.accepted(start, end)
        certain = [m for m in mentions if m.certain]
        option = None if text.opens_with_alternatives(mentions) else text.common_option(certain)
        if option is not None:
            yield start, option, "option letter in a concluding sentence"
        elif any(a.option != b.option and in_one_list(text.text, a, b) for a, b in pairwise(certain)):
            yield start, _NO_OPTION, ""


def _option_after(text: AnnotatedText, options: Options, start: int) -> int | None:
    """Return the option that follows an announcement, which ends at `start`, in the same sentence.

    `_NO_OPTION` for two options, or for a bracketed letter that is none; None without one, or where a list starts.
    """
    blank = _BLANK.match(text.text, start)
    start = blank.end() if blank else start
    bracketed = _BRACKETED_LETTER.match(text.text, start)
    if bracketed and bracketed[1] not in options.letters:
        return _NO_OPTION
    small = _SMALL_LETTER.match(text.text, start)
    if small and small[1].upper() in options.letters:
        return options.letters.index(small[1].upper())
    end = min(text.sentence_end(start + 2), start + 300)
    mentions = text.accepted(start, end)
    if not mentions:
        return options.only_one_in(text.text[start:end])
    if text.opens_list(mentions[0]):
        return None
    return _NO_OPTION if text.opens_with_alternatives(mentions) else mentions[0].option
