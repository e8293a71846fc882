"""Relaxed correctness of ChartQA: numbers within five percent, other answers equal but for case."""

from __future__ import annotations

from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value


class RelaxedRule(Value, frozen=True, tag_field="kind", tag="relaxed"):
    """`relaxed_correctness` (google-research/pix2struct, metrics.py); `tolerance` is a fraction of the gold number."""

    tolerance: float = 0.05

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when it fits any gold answer; an empty reply is unparsed."""
        answer = reply.strip()
        right = any(equal(answer, gold.strip(), tolerance=self.tolerance) for gold in sample.answers)
        return Verdict(answer, float(right)) if answer else UNPARSED


def equal(answer: str, gold: str, *, tolerance: float) -> bool:
    """Whether two answers are equal.

    A gold of 0 wants the same text. Years are numbers like others; 0.021 is not within 5 % of 0.02 in floating point.
    """
    number, target = plain_number(answer), plain_number(gold)
    if number is not None and target:
        return abs(number - target) / abs(target) <= tolerance
    return answer.lower() == gold.lower()


def plain_number(text: str) -> float | None:
    """What `float` reads, a hundredth of it before "%"; "5,627", "$3" and "3 million" are no numbers."""
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
