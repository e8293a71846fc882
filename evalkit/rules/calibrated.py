"""Our own rules: they read what a model plainly says, and leave everything else unparsed."""

from __future__ import annotations

from evalkit.rules import extract
from evalkit.rules.normalize import vqa
from evalkit.rules.verdict import UNPARSED, Verdict, matching
from evalkit.types import Sample, Value


class LetterRule(Value, frozen=True, tag_field="kind", tag="letter"):
    """The option a free-form reply settles on, by letter or by its text."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when the option's letter is the gold letter."""
        return matching(extract.letter(reply, sample.choices), sample)


class YesNoRule(Value, frozen=True, tag_field="kind", tag="yes_no"):
    """The "yes" or "no" a free-form reply amounts to."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when it is the gold word, whatever the case of that."""
        answer = extract.yes_no(reply)
        return UNPARSED if answer is None else Verdict(answer, float(answer == sample.answers[0].strip().lower()))


class NumberRule(Value, frozen=True, tag_field="kind", tag="number"):
    """The number a reply states; right within `tolerance`, a fraction of the gold number (0: equal)."""

    tolerance: float = 0.0

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The answer is the number in plain digits, so that a metric can measure how far it is off."""
        answer = extract.number(reply)
        gold = extract.number(sample.answers[0])
        if answer is None or gold is None:
            return Verdict(answer, 0.0)
        return Verdict(answer, float(abs(float(answer) - float(gold)) <= self.tolerance * abs(float(gold))))


class TextRule(Value, frozen=True, tag_field="kind", tag="text"):
    """The short answer a reply gives; right when it equals a gold answer after the normalisation of VQA."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The answer is the normalised text; an empty one is unparsed."""
        answer = vqa(extract.text(reply))
        return Verdict(answer, float(answer in {vqa(gold) for gold in sample.answers})) if answer else UNPARSED


class LetterOrTextRule(Value, frozen=True, tag_field="kind", tag="letter_or_text"):
    """For tasks that mix them: `letter` where a sample has options, `text` where it has none."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """As the rule for the sample's kind judges."""
        rule = LetterRule() if sample.choices else TextRule()
        return rule.judge(reply, sample)
