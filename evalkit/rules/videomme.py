"""Video-MME's official extraction of a letter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.rules.verdict import Verdict, letter_verdict
from evalkit.types import Sample, Value

# Deleted in this order. The script's list lacks two commas, so that four phrases are glued to two that never occur.
OFFICIAL_PHRASES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option isThe correct option is",
    "Best answer:Best option:",
    "Answer:",
    "Option:",
    "The correct answer",
    "The correct option",
)
_LETTER = re.compile("[ABCD]")


class VideommeRule(Value, frozen=True, tag_field="kind", tag="videomme"):
    """`extract_characters_regex` (thanku-all/parse_answer, eval_your_results.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply without a letter is unparsed; the official script leaves it out of the denominator."""
        letter = first_letter(reply)
        return letter_verdict(letter, sample, "no letter from A to D" if letter is None else "first letter from A to D")


def first_letter(reply: str, *, phrases: Sequence[str] = OFFICIAL_PHRASES) -> str | None:
    """Return the first capital A, B, C or D anywhere, phrases deleted: "Based on" is B, and "Best answer: D" is B."""
    reply = reply.strip()
    for phrase in phrases:
        reply = reply.replace(phrase, "")
    letter = _LETTER.search(reply)
    return letter[0] if letter else None
