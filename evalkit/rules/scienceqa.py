"""ScienceQA as LLaVA scores it: the letter that a reply is, starts with or announces."""

from __future__ import annotations

import re

from evalkit.rules.verdict import Verdict, matching
from evalkit.types import Sample, Value

_NAMES = "ABCDE"
_ANNOUNCED = re.compile(r"The answer is ([A-Z]).")


class ScienceqaRule(Value, frozen=True, tag_field="kind", tag="scienceqa"):
    """The rule of haotian-liu/LLaVA, llava/eval/eval_science_qa.py; what it cannot read is wrong, never guessed."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A letter beyond the options is an answer, and wrong."""
        return matching(letter(reply), sample)


def letter(reply: str) -> str | None:
    """ "B", "B. text", or the only "The answer is B." with any character in place of the period."""
    if len(reply) == 1 and reply in _NAMES:
        return reply
    if reply[:1] and reply[0] in _NAMES and reply[1:3] == ". ":
        return reply[0]
    found = _ANNOUNCED.findall(reply)
    return found[0] if len(found) == 1 else None
