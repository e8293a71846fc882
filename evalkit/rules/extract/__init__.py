"""Read the answer of a free-form reply: an option letter, yes or no, a number, a short text. No reply raises."""

from __future__ import annotations

from evalkit.rules.extract.extraction import Extraction
from evalkit.rules.extract.letter import extract_letter
from evalkit.rules.extract.number import extract_number
from evalkit.rules.extract.text import extract_text, other_forms
from evalkit.rules.extract.yes_no import extract_yes_no

__all__ = ["Extraction", "extract_letter", "extract_number", "extract_text", "extract_yes_no", "other_forms"]
