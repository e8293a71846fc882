"""POPE's official reading of a reply: no when it says no, yes otherwise."""

from __future__ import annotations

from evalkit.rules.verdict import UNPARSED, Verdict
from evalkit.types import Sample, Value


class PopeRule(Value, frozen=True, tag_field="kind", tag="pope"):
    """The rule of AoiDragon/POPE, evaluate.py (haotian-liu/LLaVA, eval_pope.py has the same); never unparsed."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when the gold word, in lower case, is what the reply is taken for."""
        answer = reading(reply)
        return Verdict(answer, float(answer == sample.answers[0].strip().lower()))


class LmmsPopeRule(Value, frozen=True, tag_field="kind", tag="lmms_pope"):
    """`pope_process_results` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/pope/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The reply must be "yes" or "no" but for case and blanks; "Yes." is unparsed."""
        answer = reply.lower().strip()
        known = answer in ("yes", "no")
        return Verdict(answer, float(answer == sample.answers[0].lower().strip())) if known else UNPARSED


def reading(reply: str) -> str:
    """ "no" when "No", "no" or "not" stands between blanks before the first period, commas deleted; otherwise "yes".

    So "NO", "No!" and an empty reply are yes, and "Yes, there is no dog" is no.
    """
    words = reply.split(".", 1)[0].replace(",", "").split(" ")
    return "no" if {"No", "not", "no"} & set(words) else "yes"
