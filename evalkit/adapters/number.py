"""Questions whose answer is a number; the score holds the extracted number, so that a metric can measure the error."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evalkit.adapters.prompt import PHRASE_INSTRUCTION, user_prompt
from evalkit.adapters.score import to_score
from evalkit.rules import Rule
from evalkit.rules.calibrated import NumberRule
from evalkit.types import Message, Sample, Score, Value


class Number(Value, frozen=True, kw_only=True, tag_field="kind", tag="number"):
    """The gold answer is a number in plain digits."""

    prompt: str = "{question}\n" + PHRASE_INSTRUCTION
    rule: Rule = NumberRule()

    def prompts(self, sample: Sample) -> list[tuple[Message, ...]]:
        """One prompt."""
        return [user_prompt(self.prompt, sample)]

    def score(self, sample: Sample, replies: Sequence[str]) -> Score:
        """The rule's verdict on the only reply."""
        (reply,) = replies
        return to_score(sample, self.rule.judge(reply, sample), target=sample.answers[0])

    def gold(self, sample: Sample) -> list[str]:
        """The gold number."""
        return [sample.answers[0]]

    def wrong(self, sample: Sample) -> list[str]:
        """More than twice the gold number: beyond any relative tolerance below 1."""
        gold = float(sample.answers[0])
        return [f"{2 * abs(gold) + 1:g}"]

    def with_rule(self, rule: Rule) -> Number:
        """The same prompts under another rule."""
        return msgspec.structs.replace(self, rule=rule)
