"""Video-MME's official extraction of a letter."""

from __future__ import annotations

from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value


class VideommeRule(Value, frozen=True, tag_field="kind", tag="videomme"):
    """`extract_characters_regex` (thanku-all/parse_answer, eval_your_results.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply without a letter is unparsed; the official script leaves it out of the denominator."""
        return UNPARSED
