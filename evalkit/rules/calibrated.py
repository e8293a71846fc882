"""Our own rules: they read the answer that a reply plainly gives, and leave everything else unparsed."""

from __future__ import annotations

from evalkit.rules.extract import extract_letter, extract_number, extract_text, extract_yes_no, other_forms
from evalkit.rules.normalize import normalize_vqa
from evalkit.rules.verdict import Verdict, letter_verdict, unparsed
from evalkit.types import Sample, Value


class LetterRule(Value, frozen=True, tag_field="kind", tag="letter"):
    """The option a free-form reply settles on, by letter or by its text."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when the option's letter is the gold letter."""
        letter, step = extract_letter(reply, sample.choices)
        return letter_verdict(letter, sample, step)


class YesNoRule(Value, frozen=True, tag_field="kind", tag="yes_no"):
    """The "yes" or "no" a free-form reply amounts to."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Right when it is the gold word; the case of the gold word does not count."""
        answer, step = extract_yes_no(reply)
        return Verdict(answer, float(answer == sample.answers[0].strip().lower()), step) if answer else unparsed(step)


class NumberRule(Value, frozen=True, tag_field="kind", tag="number"):
    """The number a reply states; right within `tolerance`, a fraction of the gold number (0: equal)."""

    tolerance: float = 0.0

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The answer is the number in plain digits, so that a metric can measure how far it is off."""
        answer, step = extract_number(reply)
        gold = extract_number(sample.answers[0]).answer
        if answer is None or gold is None:
            return Verdict(answer, 0.0, step)
        return Verdict(answer, float(abs(float(answer) - float(gold)) <= self.tolerance * abs(float(gold))), step)


class TextRule(Value, frozen=True, tag_field="kind", tag="text"):
    """The short answer a reply gives; right when it equals a gold answer after the normalisation of VQA."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The answer is the normalised text; an empty one is unparsed."""
        text, step = extract_text(reply)
        answer = normalize_vqa(text or "")
        if not answer:
            return unparsed("no answer found")
        forms = {answer, *map(normalize_vqa, other_forms(text or ""))}
        return Verdict(answer, float(not forms.isdisjoint(normalize_vqa(gold) for gold in sample.answers)), step)


class LetterOrTextRule(Value, frozen=True, tag_field="kind", tag="letter_or_text"):
    """For tasks with both kinds of questions: `letter` where a sample has options, `text` where it has none."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The verdict of the rule for this kind of sample."""
        rule = LetterRule() if sample.choices else TextRule()
        return rule.judge(reply, sample)
