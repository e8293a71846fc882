"""Normal forms of answers, exactly as the official evaluators make them, bugs included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from evalkit.rules.extract.number_words import CARDINALS, cardinals

# --- VQA

_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")
_PERIOD_ALONE = re.compile(r"(?<!\d)\.(?!\d)")
_PERIODS = 32  # the official call passes re.UNICODE, which is 32, where the count of replacements goes
_DIGITS = {"none": "0"} | {word: str(CARDINALS[word]) for word in cardinals(0, 10)}
_ARTICLES = frozenset(("a", "an", "the"))
# A word that lacks exactly one apostrophe gets it back.
_APOSTROPHES = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's
how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've o'clock
oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd
someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's
they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's
where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've
y'all y'all'll y'all'd've you'd you'd've you'll you're you've
"""
_CONTRACTIONS = {
    word[:place] + word[place + 1 :]: word
    for word in _APOSTROPHES.split()
    for place in range(len(word))
    if word[place] == "'"
} | {"somebody'd": "somebodyd"}


@lru_cache(maxsize=4096)  # ten annotators repeat each other
def normalize_vqa(text: str) -> str:
    """Return the normal form of VQA answers: `EvalAIAnswerProcessor` (facebookresearch/mmf; LLaVA, m4c_evaluator.py).

    A punctuation mark that touches a blank anywhere in the text is deleted everywhere; any other becomes a blank. A
    period before a digit stays; one after a digit is deleted, because of a typo in the official lookbehind.
    """
    text = text.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    text = _deleted_or_blank(text.replace("\n", " ").replace("\t", " ").strip())
    text = _PERIOD.sub("", text, count=_PERIODS)
    words = (_DIGITS.get(word, word) for word in text.split())
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def _deleted_or_blank(text: str) -> str:
    """Return a text with every punctuation mark deleted or replaced by a blank.

    If a comma stands between two digits all marks are deleted; in `normalize_vqa` no comma is left by then.
    """
    grouped = bool(_COMMA_IN_NUMBER.search(text))
    result = text
    for mark in filter(text.__contains__, _MARKS):
        touching = f"{mark} " in text or f" {mark}" in text
        result = result.replace(mark, "" if touching or grouped else " ")
    return result


def normalize_vqa_vlmevalkit(text: str) -> str:
    """Return the normal form of VQA answers in VLMEvalKit: `process_answer` (vlmeval/dataset/utils/vqa_eval.py).

    Unlike the official one it keeps "'s" at its word, and a period after a digit.
    """
    words = strip_punctuation_vlmevalkit(text.replace("\n", " ").replace("\t", " ").strip()).lower().split()
    words = [_DIGITS.get(word, word) for word in words]
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def strip_punctuation_vlmevalkit(text: str) -> str:
    """Return a text without punctuation: `process_punctuation` (open-compass/VLMEvalKit, vlmeval/smp/misc.py)."""
    return _PERIOD_ALONE.sub("", _deleted_or_blank(text), count=_PERIODS)


# --- MMMU

# A match may start only at the first digit of a run: where it fails there it fails at every later digit, and to try
# them all would take quadratic time. The matches are those of the official patterns.
_GROUPED = re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b")
_SCIENTIFIC = re.compile(r"-?(?<!\d)\d+(?:\.\d+)?[eE][+-]?\d+")
_SIMPLE = re.compile(r"-?(?:(?<!\d)\d+\.\d+|\.\d+|(?<!\d)\d+\b)(?![eE][+-]?\d+)(?![,\d])")


def mmmu_numbers(text: str) -> list[str]:
    """Return the numbers in a text, by pattern: with commas, scientific, simple (MMMU, `extract_numbers`)."""
    return [*_GROUPED.findall(text), *_SCIENTIFIC.findall(text), *_SIMPLE.findall(text)]


def normalize_mmmu(text: str) -> list[str | float]:
    """Return the forms that MMMU compares: a number rounded to 2 decimals, or the text in lower case (`normalize_str`).

    A single character becomes two forms with a blank on one side, so that "b" inside a word does not count.
    """
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        text = text.lower()
        return [f" {text}", f"{text} "] if len(text) == 1 else [text]


_KEYS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
_TRIVIAL = frozenset(":,.!?;'")


def mmmu_candidates(reply: str) -> set[str | float]:
    """Return everything in a reply to an open question that MMMU takes for an answer (`parse_open_response`)."""
    reply = reply.strip().strip(".").lower()
    candidates = list(_key_phrases(reply)) or [reply]
    candidates += [number for candidate in candidates for number in mmmu_numbers(candidate)]
    return {form for candidate in candidates for form in normalize_mmmu(candidate)}


def _key_phrases(reply: str) -> Iterator[str]:
    """Yield the shortest tail of each line after a word that announces an answer; "=" announces in the last line only.

    The official script also splits at sentence ends, but looks for a capital after lower-casing, so only lines count.
    """
    lines = reply.split("\n")
    for number, line in enumerate(lines, start=1):
        keys = (*_KEYS, "=") if number == len(lines) else _KEYS
        tails = [line.rsplit(key, 1)[1].strip() for key in keys if key in line]
        shortest = _first_shortest(tails)
        if shortest and shortest not in _TRIVIAL:
            yield shortest


def _first_shortest(tails: list[str]) -> str:
    """Return the shortest tail as the official loop does: the next tail replaces an empty one, whatever its length."""
    shortest = ""
    for tail in tails:
        if not shortest or len(tail) < len(shortest):
            shortest = tail
    return shortest
