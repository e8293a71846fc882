"""VLMEvalKit's exact matching for multiple choice, which is MMBench's official rule before a judge model is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.rules.verdict import UNPARSED, Verdict, letters, matching
from evalkit.types import Sample, Value

_FAILED = "Failed to obtain answer via API"
_REFUSED = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_BLANKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_ANNOUNCED = re.compile(r"answer\s+is\s+\**([A-D])\**", re.IGNORECASE)


class VlmevalkitRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit"):
    """`can_infer` (open-compass/VLMEvalKit, vlmeval/utils/matching_util.py) with policy "exact matching"."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that would go to the judge model is unparsed; a question without options always is."""
        if not sample.choices:
            return UNPARSED
        names = letters(sample)
        return matching(_by_letter(reply, names) or _by_text(reply, names, sample.choices), sample)


def _by_letter(reply: str, names: str) -> str | None:
    """The only option letter among the words, if its first place is among the last four; else an announced one.

    "Z" stands for a refusal. "A dog" is read as A: the article is not told apart.
    """
    if _FAILED in reply:
        return None
    if any(refusal in reply for refusal in _REFUSED):
        return "Z"
    words = reply.translate(_BLANKS).split()
    found = [name for name in names if name in words]
    if len(found) == 1 and words.index(found[0]) > len(words) - 5:
        return found[0]
    if not found and "Z" in words:
        return "Z"
    announced = _ANNOUNCED.search(reply)
    name = announced[1].upper() if announced else ""
    return name if name and name in names else None


def _by_text(reply: str, names: str, texts: Sequence[str]) -> str | None:
    """The only option whose text the reply contains, in a reply at most twice as long as all options together."""
    reply = reply.lower()
    if len(reply) > 2 * sum(map(len, texts)):
        return None
    found = [name for name, text in zip(names, texts, strict=False) if text.lower() in reply]
    return found[0] if len(found) == 1 else None
