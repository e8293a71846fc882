"""TextVQA's official accuracy: EvalAI normalisation, then agreement with nine of ten annotators at a time."""

from __future__ import annotations

from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value


class TextvqaRule(Value, frozen=True, tag_field="kind", tag="textvqa"):
    """`TextVQAAccuracyEvaluator` (facebookresearch/mmf and haotian-liu/LLaVA, m4c_evaluator.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The answer is the normalised reply; its value is 0, 0.3, 0.6, 0.9 or 1 for ten gold answers."""
        return UNPARSED
