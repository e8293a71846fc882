"""Relaxed correctness of ChartQA: numbers within five percent, other answers equal but for case."""

from __future__ import annotations

import ast
import re

from evalkit.rules.extract import extract_text, other_forms
from evalkit.rules.verdict import Verdict, unparsed
from evalkit.types import Sample, Value

_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")


class RelaxedRule(Value, frozen=True, kw_only=True, tag_field="kind", tag="relaxed"):
    """`relaxed_correctness` (google-research/pix2struct, metrics.py); `tolerance` is a fraction of the gold number.

    elements: a gold that is a list literal stands for any of its elements (open-compass/VLMEvalKit,
    vlmeval/dataset/utils/vqa_eval.py). years: a gold that is a year must be matched exactly. extract: the short
    answer in a sentence counts, too, which is our own addition.
    """

    tolerance: float = 0.05
    elements: bool = False
    years: bool = False
    extract: bool = False

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when it fits any gold answer; an empty reply is unparsed."""
        whole = reply.strip()
        if not whole:
            return unparsed("empty reply")
        text, step = extract_text(reply) if self.extract else (whole, "whole reply")
        golds = [gold.strip() for answer in sample.answers for gold in self._elements(answer)]
        if self._fits(text or "", golds):
            return Verdict(text or "", 1.0, step)
        # with `extract` the reply itself still counts where the text read out of it is wrong
        right = self.extract and self._fits(whole, golds)
        if self.extract and any(self._fits(form, golds) for form in other_forms(text or "")):
            return Verdict(text or "", 1.0, step)
        return Verdict(text or "", float(right), "whole reply" if right else step)

    def _fits(self, answer: str, golds: list[str]) -> bool:
        """True if the answer equals any gold."""
        for gold in golds:
            year = self.years and _YEAR.fullmatch(gold.strip())
            if relaxed_equal(answer, gold, tolerance=0.0 if year else self.tolerance):
                return True
        return False

    def _elements(self, gold: str) -> list[str]:
        """Return the gold, or the elements of the list literal that it is."""
        if not self.elements:
            return [gold]
        try:
            value = ast.literal_eval(gold.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return [gold]
        return [str(element) for element in value] if isinstance(value, list) else [gold]


def relaxed_equal(answer: str, gold: str, *, tolerance: float) -> bool:
    """True if two answers are numbers within the tolerance, a fraction of the gold, or texts equal but for case.

    A gold of 0 is compared as text. Years are numbers like others; 0.021 is not within 5 % of 0.02 in floating point.
    """
    number, target = _number(answer), _number(gold)
    if number is not None and target:
        return abs(number - target) / abs(target) <= tolerance
    return answer.lower() == gold.lower()


def _number(text: str) -> float | None:
    """Return the number that `float` reads, a hundredth of it before "%"; "5,627", "$3" and "3 million" are none."""
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
