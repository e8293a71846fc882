"""POPE's official rule, and lmms-eval's."""

from __future__ import annotations

from evalkit.rules.verdict import Verdict, unparsed
from evalkit.types import Sample, Value


class PopeRule(Value, frozen=True, tag_field="kind", tag="pope"):
    """The rule of AoiDragon/POPE, evaluate.py (haotian-liu/LLaVA, eval_pope.py has the same); never unparsed."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """No when "No", "no" or "not" stands between blanks before the first period, commas deleted; otherwise yes.

        So "NO", "No!" and an empty reply are yes, and "Yes, there is no dog" is no.
        """
        gold = sample.answers[0].strip().lower()
        words = reply.split(".", 1)[0].replace(",", "").split(" ")
        if {"No", "not", "no"} & set(words):
            return Verdict("no", float(gold == "no"), '"no" or "not" before the first period')
        return Verdict("yes", float(gold == "yes"), 'neither "no" nor "not" before the first period')


class LmmsPopeRule(Value, frozen=True, tag_field="kind", tag="lmms_pope"):
    """`pope_process_results` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/pope/utils.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The reply must be "yes" or "no" but for case and blanks; "Yes." is unparsed."""
        answer = reply.lower().strip()
        if answer not in ("yes", "no"):
            return unparsed("reply is not the word alone")
        return Verdict(answer, float(answer == sample.answers[0].lower().strip()), "exact match")
