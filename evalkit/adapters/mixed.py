"""Lettered and open questions in one task, as in MMMU; a sample without options is an open question."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evalkit.adapters.multiple_choice import MultipleChoice
from evalkit.adapters.prompt import LETTER_INSTRUCTION, PHRASE_INSTRUCTION
from evalkit.adapters.short_answer import ShortAnswer
from evalkit.rules import Rule
from evalkit.rules.calibrated import LetterOrTextRule
from evalkit.types import Message, Sample, Score, Value


class Mixed(Value, frozen=True, kw_only=True, tag_field="kind", tag="mixed"):
    """`prompt` and `option` are for lettered questions, `open_prompt` for open ones; one rule reads both."""

    prompt: str = "{question}\n{options}\n" + LETTER_INSTRUCTION
    option: str = "{letter}. {text}"
    open_prompt: str = "{question}\n" + PHRASE_INSTRUCTION
    rule: Rule = LetterOrTextRule()

    def prompts(self, sample: Sample) -> list[tuple[Message, ...]]:
        """One prompt."""
        return self._adapter(sample).prompts(sample)

    def score(self, sample: Sample, replies: Sequence[str]) -> Score:
        """The rule's verdict on the only reply."""
        return self._adapter(sample).score(sample, replies)

    def gold(self, sample: Sample) -> list[str]:
        """The gold letter or the gold answer."""
        return self._adapter(sample).gold(sample)

    def wrong(self, sample: Sample) -> list[str]:
        """Another letter, or a sign that no answer contains."""
        return self._adapter(sample).wrong(sample)

    def with_rule(self, rule: Rule) -> Mixed:
        """The same prompts under another rule."""
        return msgspec.structs.replace(self, rule=rule)

    def _adapter(self, sample: Sample) -> MultipleChoice | ShortAnswer:
        if sample.choices:
            return MultipleChoice(prompt=self.prompt, option=self.option, rule=self.rule)
        return ShortAnswer(prompt=self.open_prompt, rule=self.rule)
