"""Questions with lettered options; a reply is right when it chooses the gold letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from evalkit.adapters.prompt import LETTER_INSTRUCTION, option_lines, user_prompt
from evalkit.adapters.score import to_score, wrong_letters
from evalkit.rules import Rule
from evalkit.rules.calibrated import LetterRule
from evalkit.types import Message, Sample, Score, Value


class MultipleChoice(Value, frozen=True, kw_only=True, tag_field="kind", tag="multiple_choice"):
    """`option` is the template of one option's line; `{options}` in the prompt stands for all of these lines.

    blocks: further fields of the prompt, each filled from a template of its own; a block whose fields are all empty is
    left out, so that a heading disappears together with its text. shared: the options of questions that list none of
    their own, by group name and group value (an empty text where only the letter is known). omit: texts to delete from
    the question, such as an `<image>` that a conversion of the data set wrote for another program.
    """

    prompt: str = "{question}\n{options}\n" + LETTER_INSTRUCTION
    option: str = "{letter}. {text}"
    blocks: Mapping[str, str] = {}
    shared: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    omit: tuple[str, ...] = ()
    rule: Rule = LetterRule()

    def prompts(self, sample: Sample) -> list[tuple[Message, ...]]:
        """One prompt."""
        sample = self._without_omitted(self._with_shared_options(sample))
        return [user_prompt(self.prompt, sample, options=option_lines(sample, self.option), blocks=self.blocks)]

    def score(self, sample: Sample, replies: Sequence[str]) -> Score:
        """The rule's verdict on the only reply."""
        (reply,) = replies
        sample = self._with_shared_options(sample)
        verdict = self.rule.judge(reply, sample)
        return to_score(sample, verdict, target=sample.answers[0], options=len(sample.choices))

    def gold(self, sample: Sample) -> list[str]:
        """The gold letter."""
        return [sample.answers[0]]

    def wrong(self, sample: Sample) -> list[str]:
        """Another option's letter."""
        return wrong_letters(sample.answers[0], len(self._with_shared_options(sample).choices))

    def with_rule(self, rule: Rule) -> MultipleChoice:
        """The same prompts under another rule."""
        return msgspec.structs.replace(self, rule=rule)

    def _without_omitted(self, sample: Sample) -> Sample:
        if not self.omit:
            return sample
        question = sample.question
        for text in self.omit:
            question = question.replace(text, "")
        return msgspec.structs.replace(sample, question=question.strip())

    def _with_shared_options(self, sample: Sample) -> Sample:
        """Return the sample with the options that its group shares, if it has none of its own."""
        if sample.choices or not self.shared:
            return sample
        by_group = (options.get(sample.groups.get(group, ""), ()) for group, options in self.shared.items())
        return msgspec.structs.replace(sample, choices=next(filter(None, by_group), ()))
