"""POPE's official reading of a reply: no when it says no, yes otherwise."""

from __future__ import annotations

from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value


class PopeRule(Value, frozen=True, tag_field="kind", tag="pope"):
    """The rule of AoiDragon/POPE, evaluate.py; never unparsed."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when the gold word, in lower case, is what the reply is taken for."""
        return UNPARSED
