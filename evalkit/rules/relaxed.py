"""Relaxed correctness of ChartQA: numbers within five percent, other answers equal but for case."""

from __future__ import annotations

import ast
import re

from evalkit.rules import extract as extraction
from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value

_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")


class RelaxedRule(Value, frozen=True, kw_only=True, tag_field="kind", tag="relaxed"):
    """`relaxed_correctness` (google-research/pix2struct, metrics.py); `tolerance` is a fraction of the gold number.

    strip: without blanks at both ends, which lmms-eval keeps (lmms_eval/tasks/chartqa/utils.py). elements: a gold that
    is a list literal stands for any of its elements (open-compass/VLMEvalKit, vlmeval/dataset/utils/vqa_eval.py).
    years: a gold that is a year wants this very year. extract: the short answer read out of a sentence counts, too,
    which it does in none of them.
    """

    tolerance: float = 0.05
    strip: bool = True
    elements: bool = False
    years: bool = False
    extract: bool = False

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when it fits any gold answer; an empty reply is unparsed."""
        answer = reply.strip() if self.strip else reply
        said = [extraction.text(reply), answer] if self.extract else [answer]
        golds = [gold.strip() if self.strip else gold for text in sample.answers for gold in self._meant(text)]
        right = any(equal(text, gold, tolerance=self._tolerance(gold)) for gold in golds for text in said)
        return Verdict(said[0], float(right)) if answer else UNPARSED

    def _meant(self, gold: str) -> list[str]:
        """The gold, or the elements of the list that it is."""
        if not self.elements:
            return [gold]
        try:
            value = ast.literal_eval(gold.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return [gold]
        return [str(element) for element in value] if isinstance(value, list) else [gold]

    def _tolerance(self, gold: str) -> float:
        return 0.0 if self.years and _YEAR.fullmatch(gold.strip()) else self.tolerance


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
