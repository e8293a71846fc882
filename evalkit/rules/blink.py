"""BLINK's official scoring: the rule part of its extraction, and equality of a recorded extraction."""

from __future__ import annotations

import re

from evalkit.rules.verdict import Verdict, letter_verdict, option_letters, unparsed
from evalkit.types import Sample, Value

_WHOLE_REPLY = re.compile(r"([A-E])|\(([A-E])\)")


class BlinkRule(Value, frozen=True, tag_field="kind", tag="blink"):
    """`analyze_answer` (zeyofu/BLINK_Benchmark, eval/test_benchmark.py) up to where it asks a language model."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that the official script hands to a language model is unparsed.

        The letter is the reply that is "A" or "(A)", or else the only "(A)" that stands alone between blanks. Several
        are resolved by the part after the last empty line, where one must stand. "(A)." does not stand alone. A reply
        that is "E" or "(E)" is read as E, however few the options are; among other words only an option's letter is.
        """
        match = _WHOLE_REPLY.fullmatch(reply)
        if match:
            return letter_verdict(match[1] or match[2], sample, "reply is a letter")
        marks = {f"({letter})": letter for letter in option_letters(sample)}
        in_last_part = marks.keys() & reply.split("\n\n")[-1].split()
        if len(in_last_part) == 1:
            return letter_verdict(marks[in_last_part.pop()], sample, "only letter in brackets in the last paragraph")
        in_reply = marks.keys() & reply.split()
        if len(in_reply) == 1:
            return letter_verdict(marks[in_reply.pop()], sample, "only letter in brackets")
        return unparsed("several letters in brackets" if in_reply else "no letter in brackets")


class RecordedRule(Value, frozen=True, tag_field="kind", tag="recorded"):
    """Equality with "(A)" of an extraction that was recorded (zeyofu/BLINK_Benchmark, eval/evaluate.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The reply is the recorded extraction: "(B) the third image" is not "(B)". An empty one is unparsed."""
        if not reply:
            return unparsed("nothing recorded")
        right = reply in {f"({answer})" for answer in sample.answers}
        return Verdict(sample.answers[0] if right else reply, float(right), "recorded extraction")
