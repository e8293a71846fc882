"""MMMU's official parsers for multiple-choice and open questions, without their random guess."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.rules.normalize import mmmu_candidates, normalize_mmmu
from evalkit.rules.verdict import Verdict, letter_verdict, option_letters, unparsed
from evalkit.types import Sample, Value


class MmmuRule(Value, frozen=True, tag_field="kind", tag="mmmu"):
    """`parse_multi_choice_response` and `eval_open` (MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that the official script would guess for is unparsed; an open one never is.

        An open answer is right if a candidate text contains a gold text, or a candidate number is a gold number.
        """
        if sample.choices:
            return _letter_verdict(reply, sample)
        candidates = mmmu_candidates(reply)
        golds = [form for answer in sample.answers for form in normalize_mmmu(answer)]
        gold_texts = [gold for gold in golds if isinstance(gold, str)]
        right = any(
            any(gold in form for gold in gold_texts) if isinstance(form, str) else form in golds for form in candidates
        )
        return Verdict(" | ".join(sorted(map(str, candidates))), float(right), "candidate answers of the reply")


def _letter_verdict(reply: str, sample: Sample) -> Verdict:
    """The last "(A)"; else the last " A "; else, beyond five words, the last option text.

    "A)", "A." before more words and letters at a line break are not read, and an option text may be inside a word.
    """
    letters = option_letters(sample)
    for sign in ",.!?;:'":
        reply = reply.strip(sign)
    reply = f" {reply} "
    places = [
        ("last letter in brackets", reply, [f"({letter})" for letter in letters]),
        ("last letter between blanks", reply, [f" {letter} " for letter in letters]),
    ]
    if len(reply.split()) > 5:
        places.append(("last option text", reply.lower(), [text.lower() for text in sample.choices]))
    for step, text, marks in places:
        option = _last(text, marks)
        if option is not None:
            return letter_verdict(letters[option], sample, step)
    return unparsed("no letter and no option text")


def _last(reply: str, marks: Sequence[str]) -> int | None:
    """Return the number of the mark that occurs last, the first of them on ties; None when none occurs."""
    places = [reply.rfind(mark) for mark in marks]
    return places.index(max(places)) if max(places, default=-1) >= 0 else None
