"""Read what a free-form reply answers: an option letter, yes or no, a number, a short text. No reply makes it raise."""

from __future__ import annotations

from evalkit.rules.extract.letter import letter
from evalkit.rules.extract.number import number
from evalkit.rules.extract.text import text
from evalkit.rules.extract.yes_no import yes_no

__all__ = ["letter", "number", "text", "yes_no"]
