"""Adapters: an answer format is a prompt and a score, kept together because the one decides what the other can read."""

from __future__ import annotations

from typing import TypeAlias

from evalkit.adapters.mixed import Mixed
from evalkit.adapters.multiple_choice import MultipleChoice
from evalkit.adapters.number import Number
from evalkit.adapters.short_answer import ShortAnswer
from evalkit.adapters.yes_no import YesNo
from evalkit.rules import Rule

Adapter: TypeAlias = MultipleChoice | YesNo | ShortAnswer | Mixed | Number

__all__ = ["Adapter", "Mixed", "MultipleChoice", "Number", "Rule", "ShortAnswer", "YesNo"]
