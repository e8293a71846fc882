"""Pure scoring rules: one reply and one sample make one verdict; several rules may judge the same replies."""

from __future__ import annotations

from typing import TypeAlias

from evalkit.rules.blink import BlinkRule, RecordedRule
from evalkit.rules.calibrated import LetterOrTextRule, LetterRule, NumberRule, TextRule, YesNoRule
from evalkit.rules.lmms_eval import (
    LmmsAi2dRule,
    LmmsBlinkRule,
    LmmsMmbenchRule,
    LmmsMmmuRule,
    LmmsScienceqaRule,
    LmmsVideommeRule,
)
from evalkit.rules.mathvista import MathvistaRule
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

__all__ = ["Rule", "Verdict"]
