"""BLINK's official scoring: its extraction as far as that needs no language model, and its scoring of extractions."""

from __future__ import annotations

import re

from evalkit.rules.verdict import Verdict, letter_verdict, option_letters, unparsed
from evalkit.types import Sample, Value

_WHOLE_REPLY = re.compile(r"([A-E])|\(([A-E])\)")


class BlinkRule(Value, frozen=True, tag_field="kind", tag="blink"):
    """`analyze_answer` (zeyofu/BLINK_Benchmark, eval/test_benchmark.py) up to where it asks a language model."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that the official script hands to a language model is unparsed.

        Read the reply if it is "A" or "(A)"; else the only "(A)" in the last paragraph; else the only one in the reply.
        It must stand between blanks, so "(A)." does not count. A reply that is "E" or "(E)" is read as E, however few
        the options are; inside a longer reply only the options' letters count.
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
    """For recorded extractions: right if "(A)" is the gold letter (zeyofu/BLINK_Benchmark, eval/evaluate.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The reply is the recorded extraction: "(B) the third image" is not "(B)". An empty one is unparsed."""
        if not reply:
            return unparsed("nothing recorded")
        right = reply in {f"({answer})" for answer in sample.answers}
        return Verdict(sample.answers[0] if right else reply, float(right), "recorded extraction")
