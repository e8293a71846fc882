"""BLINK's official scoring: the rule part of its extraction, and equality of a recorded extraction."""

from __future__ import annotations

from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value


class BlinkRule(Value, frozen=True, tag_field="kind", tag="blink"):
    """`analyze_answer` (zeyofu/BLINK_Benchmark, eval/test_benchmark.py) up to where it asks a language model."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that the official script hands to a language model is unparsed."""
        return UNPARSED


class RecordedRule(Value, frozen=True, tag_field="kind", tag="recorded"):
    """Equality with "(A)" of an extraction that was recorded (zeyofu/BLINK_Benchmark, eval/evaluate.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The reply is the recorded extraction, character for character."""
        return UNPARSED
