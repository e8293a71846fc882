"""Pure scoring rules: one reply and one sample make one verdict; several rules may judge the same replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from evalkit.rules.blink import BlinkRule, RecordedRule
from evalkit.rules.calibrated import LetterOrTextRule, LetterRule, NumberRule, TextRule, YesNoRule
from evalkit.rules.lmms_eval import (
    LmmsAi2dRule,
    LmmsBlinkRule,
    LmmsIntergpsRule,
    LmmsMmbenchRule,
    LmmsMmmuRule,
    LmmsScienceqaRule,
    LmmsVideommeRule,
)
from evalkit.rules.mathvista import LmmsMathvistaRule, MathvistaRule
from evalkit.rules.mmmu import MmmuRule
from evalkit.rules.pope import LmmsPopeRule, PopeRule
from evalkit.rules.relaxed import RelaxedRule
from evalkit.rules.scienceqa import ScienceqaRule
from evalkit.rules.textvqa import TextvqaRule
from evalkit.rules.verdict import Verdict
from evalkit.rules.videomme import VideommeRule
from evalkit.rules.vlmevalkit import (
    VlmevalkitMathvistaRule,
    VlmevalkitRule,
    VlmevalkitTextvqaRule,
    VlmevalkitVideommeRule,
    VlmevalkitYesNoRule,
)
from evalkit.types import Sample


class RuleProtocol(Protocol):
    """The interface of every member of `Rule`, the union into which a task file's `rule:` decodes.

    A rule is a frozen value without state: the same reply and sample always give the same verdict.
    """

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Return the answer read from one reply, its value in [0, 1] and the deciding step.

        The answer is None where the rule reads none. `sample` holds the gold answers (an option letter where the
        sample has choices), the option texts, and in `extra` the fields that the rule's class names. No reply raises.
        """
        ...


Rule: TypeAlias = (
    LetterRule
    | YesNoRule
    | NumberRule
    | TextRule
    | LetterOrTextRule
    | MmmuRule
    | BlinkRule
    | RecordedRule
    | PopeRule
    | VlmevalkitRule
    | TextvqaRule
    | VideommeRule
    | ScienceqaRule
    | RelaxedRule
    | MathvistaRule
    | LmmsAi2dRule
    | LmmsBlinkRule
    | LmmsIntergpsRule
    | LmmsMathvistaRule
    | LmmsMmbenchRule
    | LmmsMmmuRule
    | LmmsPopeRule
    | LmmsScienceqaRule
    | LmmsVideommeRule
    | VlmevalkitMathvistaRule
    | VlmevalkitTextvqaRule
    | VlmevalkitVideommeRule
    | VlmevalkitYesNoRule
)

if TYPE_CHECKING:

    def _every_rule(rule: Rule) -> RuleProtocol:
        """Type checking fails here when a member of the union lacks a method or has another signature."""
        return rule


__all__ = ["Rule", "RuleProtocol", "Verdict"]
