"""Open questions that want a word or phrase, with one or several gold answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from evalkit.adapters.prompt import PHRASE_INSTRUCTION, user_prompt
from evalkit.adapters.score import WRONG_REPLY, to_score
from evalkit.rules import Rule
from evalkit.rules.calibrated import TextRule
from evalkit.types import Message, Sample, Score, Value


class ShortAnswer(Value, frozen=True, kw_only=True, tag_field="kind", tag="short_answer"):
    """The score's target is the answer that most annotators gave, the first of them on ties."""

    prompt: str = "{question}\n" + PHRASE_INSTRUCTION
    rule: Rule = TextRule()

    def prompts(self, sample: Sample) -> list[tuple[Message, ...]]:
        """One prompt."""
        return [user_prompt(self.prompt, sample)]

    def score(self, sample: Sample, replies: Sequence[str]) -> Score:
        """The rule's verdict on the only reply."""
        (reply,) = replies
        return to_score(sample, self.rule.judge(reply, sample), target=Counter(sample.answers).most_common(1)[0][0])

    def gold(self, sample: Sample) -> list[str]:
        """The gold answer that the rule values most; below 1 where the annotators disagree."""
        return [max(dict.fromkeys(sample.answers), key=lambda answer: self.rule.judge(answer, sample).value)]

    def wrong(self, sample: Sample) -> list[str]:
        """A sign that no answer contains."""
        return [WRONG_REPLY]

    def with_rule(self, rule: Rule) -> ShortAnswer:
        """The same prompts under another rule."""
        return msgspec.structs.replace(self, rule=rule)
