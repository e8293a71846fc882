"""lmms-eval's rules for multiple-choice questions, where they differ from the official ones."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from evalkit.rules.normalize import mmmu_candidates
from evalkit.rules.verdict import LETTERS, Verdict, letter_verdict, option_letters, unparsed
from evalkit.types import Sample, Value

_LETTER_AT_START = re.compile(r"[(\s]*([A-Z])", re.IGNORECASE)
_LETTER_AND_PERIOD = re.compile(r"\s*([A-Z])\.")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_INTERGPS_FORMS = {
    "announced answer": re.compile(r"[Aa]nswer\s*[:=]\s*\(?([A-Da-d])"),
    "letter in brackets or before a sign": re.compile(r"\b([A-Da-d])\s*[.)\]]"),
    "reply is a letter": re.compile(r"\A\(?([A-Da-d])\)?\Z"),
    "letter that is a word": re.compile(r"\b([A-Da-d])\b"),
}
"""Forms of a letter by the step that reads it, the best first; of several letters in a form the last one decides."""


class LmmsBlinkRule(Value, frozen=True, tag_field="kind", tag="lmms_blink"):
    """`_extract_answer_letter` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/blink/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The first letter of the reply after brackets and blanks, whatever word it begins: "The ..." is T."""
        match = _LETTER_AT_START.match(reply.strip())
        return letter_verdict(match[1].upper(), sample, "first letter") if match else unparsed("no letter at the start")


class LmmsScienceqaRule(Value, frozen=True, tag_field="kind", tag="lmms_scienceqa"):
    """`sqa_process_results` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/scienceqa/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A bare letter of any case, or a capital and a period in front; "The answer is B." is unparsed."""
        if len(reply) == 1 and reply.upper() in LETTERS:
            return letter_verdict(reply.upper(), sample, "reply is a letter")
        if reply[:1].isupper() and reply[1:2] == ".":
            return letter_verdict(reply[0], sample, "letter and period at the start")
        return unparsed("no letter at the start")


class LmmsAi2dRule(Value, frozen=True, tag_field="kind", tag="lmms_ai2d"):
    """`MultiChoiceRegexFilter`, then exact match but for case and punctuation (lmms_eval/tasks/ai2d/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A capital and a period in front, or nothing but a letter and punctuation; all else is unparsed."""
        match = _LETTER_AND_PERIOD.match(reply)
        if match:
            return letter_verdict(match[1], sample, "letter and period at the start")
        bare = reply.translate(_PUNCTUATION).upper()
        if len(bare) == 1 and bare.isalpha():
            return letter_verdict(bare, sample, "reply is a letter")
        return unparsed("no letter at the start")


class LmmsMmbenchRule(Value, frozen=True, tag_field="kind", tag="lmms_mmbench"):
    """`can_infer` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/mmbench/mmbench_evals.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Read a letter, else the only option whose text the reply contains.

        A reply that would go to the judge model is unparsed.
        """
        letter = _mmbench_letter(reply)
        if letter is not None:
            return letter_verdict(letter, sample, "only option letter in the reply")
        texts = zip(LETTERS, sample.choices, strict=False)
        letters = [letter for letter, text in texts if text.lower() in reply.lower()]
        if len(letters) == 1:
            return letter_verdict(letters[0], sample, "only option text in the reply")
        return unparsed("several options named" if letters else "no answer found")


class LmmsIntergpsRule(Value, frozen=True, tag_field="kind", tag="lmms_intergps"):
    """`_extract_answer_letter` (EvolvingLMMs-Lab/lmms-eval at 75571cfe, lmms_eval/tasks/geometry3k/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The last letter in the best form that occurs, of any case: "a dog" is A, and "answer: by" is B.

        Without such a letter, the first option whose text the reply contains.
        """
        reply = reply.strip()
        for step, form in _INTERGPS_FORMS.items():
            letters = form.findall(reply)
            if letters:
                return letter_verdict(letters[-1].upper(), sample, step)
        for letter, text in zip("ABCD", sample.choices, strict=False):
            if text.lower() in reply.lower():
                return letter_verdict(letter, sample, "first option text in the reply")
        return unparsed("no letter and no option text")


class LmmsMmmuRule(Value, frozen=True, tag_field="kind", tag="lmms_mmmu"):
    """`parse_multi_choice_response` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/mmmu/utils.py).

    Open questions always score 0: lmms-eval takes one of the parsed candidates and compares its single characters.
    """

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply for which lmms-eval guesses is unparsed."""
        if sample.choices:
            return _mmmu_verdict(reply, sample)
        candidates = sorted(map(str, mmmu_candidates(reply)))
        return Verdict(candidates[0], 0.0, "first candidate answer") if candidates else unparsed("no answer found")


class LmmsVideommeRule(Value, frozen=True, tag_field="kind", tag="lmms_videomme"):
    """`extract_mcq_answer` (EvolvingLMMs-Lab/lmms-eval at 75571cfe, lmms_eval/tasks/_task_utils/mcq_extract.py).

    Eight forms of an answer have ranks; the last letter in the best form that occurs is the answer.
    """

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply without any of the capitals A to D is unparsed; "The answer is B. Correct." is C."""
        reply = reply.strip()
        for sign in ",.!?;:'\"":
            reply = reply.strip(sign)
        text = f" {reply} "
        candidates = list(_videomme_candidates(text))
        if not candidates:
            candidates = [(0, text.rfind(letter), letter) for letter in _VIDEOMME_LETTERS if letter in text]
        if not candidates:
            return unparsed("no letter from A to D")
        rank, _, letter = max(candidates, key=lambda candidate: candidate[:2])
        return letter_verdict(letter, sample, _VIDEOMME_STEPS[rank])


# --- MMBench

_MMBENCH_FORMS = ("{}.", "{},", "{}:", "{})", "{}).", "({})", "({}).", ":{}", ":{},", ":{}.", ":{})", ":{}).")


def _mmbench_letter(reply: str) -> str | None:
    """Return the only letter up to E that is a word by itself, else the only one in one of the forms.

    The word "A" counts only in a reply of at most three words; "E" counts whatever the number of options.
    """
    if "Failed to obtain answer via API" in reply:
        return None
    words = reply.split()
    alone = [letter for letter in "ABCDE" if letter in words]
    if len(alone) == 1 and (alone != ["A"] or len(words) <= 3):
        return alone[0]
    for form in _MMBENCH_FORMS:
        letters = [letter for letter in "ABCDE" if form.format(letter) in words]
        if len(letters) == 1:
            return letters[0]
    return None


# --- MMMU

_MMMU_FORMS = (
    ("last letter in brackets", "({})", "({})"),
    ("last letter and blank", "{} ", " {} "),
    ("last letter and period", "{}.", " {} "),
)
"""Step, form that must occur, and form of which the last occurrence decides between several letters."""


def _mmmu_verdict(reply: str, sample: Sample) -> Verdict:
    """Read "(A)"; else "A ", even at the end of a word; else "A."; else, in more than five words, an option's text.

    Of several letters the last in brackets or between blanks counts; if none stands so, the first option's.
    """
    for sign in ",.!?;:'":
        reply = reply.strip(sign)
    reply = f" {reply} "
    for step, form, last_form in _MMMU_FORMS:
        letters = [letter for letter in option_letters(sample) if form.format(letter) in reply]
        if letters:
            last = max(letters, key=lambda letter: reply.rfind(last_form.format(letter)))
            return letter_verdict(last, sample, step)
    if len(reply.split()) > 5:
        low = reply.lower()
        texts = zip(option_letters(sample), sample.choices, strict=False)
        places = {letter: place for letter, text in texts if (place := low.rfind(text.lower())) >= 0}
        if places:
            return letter_verdict(max(places, key=places.__getitem__), sample, "last option text")
    return unparsed("no letter and no option text")


# --- Video-MME

_VIDEOMME_LETTERS = "ABCD"
_ANNOUNCEMENTS = ["answer is", "correct answer is", "best answer is", "correct option is", "best option is"]
_ANNOUNCEMENTS += ["choice is", "correct choice is"]
_PHRASES = [f"{article}{announcement}" for announcement in _ANNOUNCEMENTS for article in ("the ", "")]
_PHRASES += ["i choose", "i select", "i pick", "my answer is", "my choice is"]
_PHRASES += ["옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"]
_LETTER_FORMS = (("({})", 6), ("{}.", 5), ("{}:", 4), ("{})", 3), ("{} ", 2))
"""Forms of a letter with their ranks; above them rank the start of the reply (10), its end (9) and a phrase (7)."""

_VIDEOMME_STEPS = {10: "letter at the start", 9: "letter at the end", 7: "letter after an announcement"}
_VIDEOMME_STEPS |= {rank: "letter in brackets or before a sign" for _, rank in _LETTER_FORMS} | {
    0: "last letter from A to D"
}


def _videomme_candidates(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield rank, place and letter of every form that occurs; equally good ones in the order of the script."""
    for form, rank in _LETTER_FORMS:
        for letter in _VIDEOMME_LETTERS:
            if form.format(letter) in text:
                yield rank, text.rfind(form.format(letter)), letter
    low, bare = text.lower(), text.strip()
    for phrase in _PHRASES:
        start = low.find(phrase)
        for letter in _VIDEOMME_LETTERS if start >= 0 else "":
            if (place := text.find(letter, start + len(phrase))) >= 0:
                yield 7, place, letter
    for letter in _VIDEOMME_LETTERS:
        if bare.startswith(letter) and not bare[1:2].isalpha():
            yield 10, 0, letter
        if bare.endswith(letter) and not bare[-2:-1].isalpha():
            yield 9, len(text) - 1, letter
