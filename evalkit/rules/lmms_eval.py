"""How lmms-eval reads replies to multiple choice, where it has a way of its own."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence

from evalkit.rules.normalize import mmmu_candidates
from evalkit.rules.verdict import LETTERS, UNPARSED, Verdict, letters, matching
from evalkit.types import Sample, Value

_FIRST = re.compile(r"[(\s]*([A-Z])", re.IGNORECASE)
_DOTTED = re.compile(r"\s*([A-Z])\.")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class LmmsBlinkRule(Value, frozen=True, tag_field="kind", tag="lmms_blink"):
    """`_extract_answer_letter` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/blink/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The first letter of the reply after brackets and blanks, whatever word it begins: "The ..." is T."""
        found = _FIRST.match(reply.strip())
        return matching(found[1].upper() if found else None, sample)


class LmmsScienceqaRule(Value, frozen=True, tag_field="kind", tag="lmms_scienceqa"):
    """`sqa_process_results` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/scienceqa/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A bare letter of any case, or a capital and a period in front; "The answer is B." is unparsed."""
        if len(reply) == 1 and reply.upper() in LETTERS:
            return matching(reply.upper(), sample)
        return matching(reply[0] if reply[:1].isupper() and reply[1:2] == "." else None, sample)


class LmmsAi2dRule(Value, frozen=True, tag_field="kind", tag="lmms_ai2d"):
    """`MultiChoiceRegexFilter`, then exact match but for case and punctuation (lmms_eval/tasks/ai2d/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A capital and a period in front, or nothing but a letter and punctuation; all else is unparsed."""
        found = _DOTTED.match(reply)
        bare = found[1] if found else reply.translate(_PUNCTUATION).upper()
        return matching(bare if len(bare) == 1 and bare.isalpha() else None, sample)


class LmmsMmbenchRule(Value, frozen=True, tag_field="kind", tag="lmms_mmbench"):
    """`can_infer` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/mmbench/mmbench_evals.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that would go to the judge model is unparsed."""
        return matching(_mmbench_letter(reply) or _only_text(reply, sample.choices), sample)


class LmmsMmmuRule(Value, frozen=True, tag_field="kind", tag="lmms_mmmu"):
    """`parse_multi_choice_response` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/mmmu/utils.py).

    Open questions score nothing: of the parsed candidates one is kept, and its characters are compared.
    """

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply for which lmms-eval guesses is unparsed."""
        if sample.choices:
            return matching(_mmmu_choice(reply, letters(sample), sample.choices), sample)
        found = sorted(map(str, mmmu_candidates(reply)))
        return Verdict(found[0], 0.0) if found else UNPARSED


class LmmsVideommeRule(Value, frozen=True, tag_field="kind", tag="lmms_videomme"):
    """`extract_mcq_answer` (EvolvingLMMs-Lab/lmms-eval at 75571cfe, lmms_eval/tasks/_task_utils/mcq_extract.py).

    Eight forms of an answer by rank; of the best one that occurs, the letter that comes last.
    """

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply without any of the capitals A to D is unparsed; "The answer is B. Correct." is C."""
        return matching(_ranked(reply), sample)


# --- MMBench

_MMBENCH = ("{}.", "{},", "{}:", "{})", "{}).", "({})", "({}).", ":{}", ":{},", ":{}.", ":{})", ":{}).")


def _mmbench_letter(reply: str) -> str | None:
    """The only letter up to E that is a word by itself, but no "A" among more than three; else the only one so written.

    An "E" counts as a word, whatever the number of options, and with no sign beside it only.
    """
    if "Failed to obtain answer via API" in reply:
        return None
    words = reply.split()
    alone = [name for name in "ABCDE" if name in words]
    if len(alone) == 1 and (alone != ["A"] or len(words) <= 3):
        return alone[0]
    for form in _MMBENCH:
        found = [name for name in "ABCD" if form.format(name) in words]
        if len(found) == 1:
            return found[0]
    return None


def _only_text(reply: str, texts: Sequence[str]) -> str | None:
    """The letter of the only option whose text the reply contains."""
    found = [name for name, text in zip(LETTERS, texts, strict=False) if text.lower() in reply.lower()]
    return found[0] if len(found) == 1 else None


# --- MMMU


def _mmmu_choice(reply: str, names: str, texts: Sequence[str]) -> str | None:
    """ "(A)", else "A " even at the end of a word, else "A.", else beyond five words an option's text.

    Of several the last, where an "A " or "A." counts only if it stands between blanks; else the first option.
    """
    for sign in ",.!?;:'":
        reply = reply.strip(sign)
    reply = f" {reply} "
    for form, place in (("({})", "({})"), ("{} ", " {} "), ("{}.", " {} ")):
        found = [name for name in names if form.format(name) in reply]
        if found:
            return max(found, key=lambda name: reply.rfind(place.format(name)))
    if len(reply.split()) <= 5:
        return None
    low = reply.lower()
    places = {name: low.rfind(text.lower()) for name, text in zip(names, texts, strict=False)}
    known = [name for name in places if places[name] >= 0]
    return max(known, key=places.__getitem__) if known else None


# --- Video-MME

_VIDEOMME = "ABCD"
_LED = ["answer is", "correct answer is", "best answer is", "correct option is", "best option is"]
_LED += ["choice is", "correct choice is"]
_PHRASES = [f"{article}{led}" for led in _LED for article in ("the ", "")]
_PHRASES += ["i choose", "i select", "i pick", "my answer is", "my choice is"]
_PHRASES += ["옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"]
_MARKED = (("({})", 6), ("{}.", 5), ("{}:", 4), ("{})", 3), ("{} ", 2))
"""Forms of a letter with their ranks; 10 is the start of the reply, 9 its end, 7 what follows a phrase."""


def _ranked(reply: str) -> str | None:
    reply = reply.strip()
    for sign in ",.!?;:'\"":
        reply = reply.strip(sign)
    text = f" {reply} "
    found = list(_candidates(text))
    if not found:
        found = [(0, text.rfind(name), name) for name in _VIDEOMME if name in text]
    return max(found, key=lambda candidate: candidate[:2], default=(0, 0, None))[2]


def _candidates(text: str) -> Iterator[tuple[int, int, str]]:
    """Rank, place and letter of every form that occurs; equally good ones in the order of the script."""
    for form, rank in _MARKED:
        for name in _VIDEOMME:
            if form.format(name) in text:
                yield rank, text.rfind(form.format(name)), name
    low, bare = text.lower(), text.strip()
    for phrase in _PHRASES:
        start = low.find(phrase)
        for name in _VIDEOMME if start >= 0 else "":
            if (place := text.find(name, start + len(phrase))) >= 0:
                yield 7, place, name
    for name in _VIDEOMME:
        if bare.startswith(name) and not bare[1:2].isalpha():
            yield 10, 0, name
        if bare.endswith(name) and not bare[-2:-1].isalpha():
            yield 9, len(text) - 1, name
