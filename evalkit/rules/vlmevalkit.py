"""VLMEvalKit's exact matching for multiple choice, which is MMBench's official rule before a judge model is asked."""

from __future__ import annotations

from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value


class VlmevalkitRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit"):
    """`can_infer` (open-compass/VLMEvalKit, vlmeval/utils/matching_util.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that would go to the judge model is unparsed."""
        return UNPARSED
