"""ScienceQA as LLaVA scores it: the letter that a reply is, starts with or announces."""

from __future__ import annotations

import re

from evalkit.rules.verdict import Verdict, letter_verdict, unparsed
from evalkit.types import Sample, Value

_LETTERS = "ABCDE"
_ANNOUNCEMENT = re.compile(r"The answer is ([A-Z]).")


class ScienceqaRule(Value, frozen=True, tag_field="kind", tag="scienceqa"):
    """The rule of haotian-liu/LLaVA, llava/eval/eval_science_qa.py; what it cannot read is wrong, never guessed."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Read "B", "B. text", or the only "The answer is B." with any character in place of the period.

        A letter beyond the options is an answer, and wrong.
        """
        if len(reply) == 1 and reply in _LETTERS:
            return letter_verdict(reply, sample, "reply is a letter")
        if reply[:1] and reply[0] in _LETTERS and reply[1:3] == ". ":
            return letter_verdict(reply[0], sample, "letter and period at the start")
        letters = _ANNOUNCEMENT.findall(reply)
        if len(letters) == 1:
            return letter_verdict(letters[0], sample, '"The answer is ..."')
        return unparsed('several "The answer is ..."' if letters else "no answer found")
