"""Lettered options; a reply counts when it settles on the gold letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from evalkit.adapters.turn import LETTER, another, ask, lettered, opinion
from evalkit.rules import Rule
from evalkit.rules.calibrated import LetterRule
from evalkit.types import Message, Sample, Score, Value


class MultipleChoice(Value, frozen=True, kw_only=True, tag_field="kind", tag="multiple_choice"):
    """`option` formats one of the lines that `{options}` in the prompt stands for.

    blocks: further fields of the prompt, templates themselves; a block whose fields are all empty is empty as a whole,
    so that a heading disappears with what it heads. shared: options of questions whose data list none, by a
    group's name and value (an empty text where only the letter is known). omit: what some conversions of data sets
    write into a question for another program, such as the place of the picture; no model reads it.
    """

    prompt: str = "{question}\n{options}\n" + LETTER
    option: str = "{letter}. {text}"
    blocks: Mapping[str, str] = {}
    shared: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    omit: tuple[str, ...] = ()
    rule: Rule = LetterRule()

    def prompts(self, sample: Sample) -> list[tuple[Message, ...]]:
        """One prompt."""
        sample = self._cleared(self._complete(sample))
        return [ask(self.prompt, sample, options=lettered(sample, self.option), blocks=self.blocks)]

    def score(self, sample: Sample, replies: Sequence[str]) -> Score:
        """The rule's verdict on the only reply."""
        (reply,) = replies
        sample = self._complete(sample)
        verdict = self.rule.judge(reply, sample)
        return opinion(sample, verdict, target=sample.answers[0], options=len(sample.choices))

    def gold(self, sample: Sample) -> list[str]:
        """The gold letter."""
        return [sample.answers[0]]

    def wrong(self, sample: Sample) -> list[str]:
        """Another option's letter."""
        return another(sample.answers[0], len(self._complete(sample).choices))

    def with_rule(self, rule: Rule) -> MultipleChoice:
        """The same prompts under another rule."""
        return msgspec.structs.replace(self, rule=rule)

    def _cleared(self, sample: Sample) -> Sample:
        question = sample.question
        for text in self.omit:
            question = question.replace(text, "")
        return msgspec.structs.replace(sample, question=question.strip()) if self.omit else sample

    def _complete(self, sample: Sample) -> Sample:
        """The sample with the options that its group shares, if it has none of its own."""
        found = [shared.get(sample.groups.get(group, ""), ()) for group, shared in self.shared.items()]
        choices = sample.choices or next(filter(None, found), ())
        return msgspec.structs.replace(sample, choices=choices) if self.shared else sample
