"""Questions that are answered with yes or no."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evalkit.adapters.prompt import PHRASE_INSTRUCTION, user_prompt
from evalkit.adapters.score import to_score
from evalkit.rules import Rule
from evalkit.rules.calibrated import YesNoRule
from evalkit.types import Message, Sample, Score, Value


class YesNo(Value, frozen=True, kw_only=True, tag_field="kind", tag="yes_no"):
    """Targets and answers are "yes" and "no" in lower case, however the data writes them."""

    prompt: str = "{question}\n" + PHRASE_INSTRUCTION
    rule: Rule = YesNoRule()

    def prompts(self, sample: Sample) -> list[tuple[Message, ...]]:
        """One prompt."""
        return [user_prompt(self.prompt, sample)]

    def score(self, sample: Sample, replies: Sequence[str]) -> Score:
        """The rule's verdict on the only reply."""
        (reply,) = replies
        return to_score(sample, self.rule.judge(reply, sample), target=_target(sample), options=2)

    def gold(self, sample: Sample) -> list[str]:
        """The gold word as a model would write it."""
        return [_target(sample).capitalize()]

    def wrong(self, sample: Sample) -> list[str]:
        """The other word."""
        return ["No" if _target(sample) == "yes" else "Yes"]

    def with_rule(self, rule: Rule) -> YesNo:
        """The same prompts under another rule."""
        return msgspec.structs.replace(self, rule=rule)


def _target(sample: Sample) -> str:
    return sample.answers[0].strip().lower()
