"""MMMU's official parsers for multiple-choice and open questions, without their random guess."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.rules.normalize import mmmu, mmmu_candidates
from evalkit.rules.verdict import Verdict, letters, matching
from evalkit.types import Sample, Value


class MmmuRule(Value, frozen=True, tag_field="kind", tag="mmmu"):
    """`parse_multi_choice_response` and `eval_open` (MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that the official script would guess for is unparsed; an open one never is."""
        if sample.choices:
            return matching(choice(reply, letters(sample), sample.choices), sample)
        found = mmmu_candidates(reply)
        return Verdict(" | ".join(sorted(map(str, found))), float(_contains_gold(found, sample.answers)))


def choice(reply: str, names: str, texts: Sequence[str]) -> str | None:
    """The letter read from a reply: the last "(A)"; else the last " A "; else, beyond five words, the last option text.

    "A)", "A." before more words and letters at a line break are not read, and every option text may be inside a word.
    """
    for sign in ",.!?;:'":
        reply = reply.strip(sign)
    reply = f" {reply} "
    found = _last(reply, [f"({name})" for name in names])
    if found is None:
        found = _last(reply, [f" {name} " for name in names])
    if found is None and len(reply.split()) > 5:
        found = _last(reply.lower(), [text.lower() for text in texts])
    return None if found is None else names[found]


def _last(reply: str, marks: Sequence[str]) -> int | None:
    """Which of the marks occurs last, the first of them on ties; None when none occurs."""
    places = [reply.rfind(mark) for mark in marks]
    return places.index(max(places)) if max(places, default=-1) >= 0 else None


def _contains_gold(found: set[str | float], answers: Sequence[str]) -> bool:
    """Whether a candidate text contains a gold text, or a candidate number is a gold number."""
    golds = [form for answer in answers for form in mmmu(answer)]
    texts = [gold for gold in golds if isinstance(gold, str)]
    return any(any(gold in form for gold in texts) if isinstance(form, str) else form in golds for form in found)
