"""BLINK's official scoring: the rule part of its extraction, and equality of a recorded extraction."""

from __future__ import annotations

import re

from evalkit.rules.verdict import UNPARSED, Verdict, letters, matching
from evalkit.types import Sample, Value

_ALONE = re.compile(r"([A-E])|\(([A-E])\)")


class BlinkRule(Value, frozen=True, tag_field="kind", tag="blink"):
    """`analyze_answer` (zeyofu/BLINK_Benchmark, eval/test_benchmark.py) up to where it asks a language model."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that the official script hands to a language model is unparsed."""
        return matching(choice(reply, letters(sample)), sample)


class RecordedRule(Value, frozen=True, tag_field="kind", tag="recorded"):
    """Equality with "(A)" of an extraction that was recorded (zeyofu/BLINK_Benchmark, eval/evaluate.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The reply is the recorded extraction: "(B) the third image" is not "(B)". An empty one is unparsed."""
        right = reply in {f"({answer})" for answer in sample.answers}
        return Verdict(sample.answers[0] if right else reply, float(right)) if reply else UNPARSED


def choice(reply: str, names: str) -> str | None:
    """The letter of a reply that is "A" or "(A)", or else of the only "(A)" that stands alone between blanks.

    Several are resolved by the part after the last empty line, where one must stand. "(A)." does not stand alone. A
    reply that is "E" or "(E)" is one, however few the options are; among other words it is none beyond them.
    """
    alone = _ALONE.fullmatch(reply)
    if alone:
        return alone[1] or alone[2]
    marks = {f"({name})": name for name in names}
    anywhere = marks.keys() & reply.split()
    at_end = marks.keys() & reply.split("\n\n")[-1].split()
    if len(at_end) == 1:
        return marks[at_end.pop()]
    return marks[anywhere.pop()] if len(anywhere) == 1 else None
