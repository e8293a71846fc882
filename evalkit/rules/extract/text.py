"""Read the short answer of a free-form reply."""

from __future__ import annotations

import re

from evalkit.rules.extract.extraction import Extraction
from evalkit.rules.extract.markup import marked_answer, plain_text

_ANNOUNCEMENT = re.compile(
    r"\b(?:answer|response)(?:\s(?:to|for)\b[^.:\n]{0,100}?)?(?:\s(?:is|would be|should be)\b|\s?[:=])\s?"
    r"|答案\s?(?:是|为|:)\s?:?",
    re.IGNORECASE,
)
_QUOTES = " \t\n\"'“”‘’`*"
_PERIOD = re.compile(r"(?<=[^\d\W])\.$|(?<=[\d)\]])\.$|。$")


def extract_text(reply: str) -> Extraction:
    """Return the short answer of a reply: a `\\boxed` or `<answer>`, the text after "the answer is", or the first line.

    Quotation marks around it and a period behind it are removed; an empty answer is None.
    """
    text = plain_text(reply)
    marked = marked_answer(text)
    if marked is not None:
        return _extraction(marked, "marked final answer")
    ends = [match.end() for match in _ANNOUNCEMENT.finditer(text)]
    announced = text[ends[-1] :].lstrip() if ends else ""
    if announced:
        return _extraction(announced.split("\n", 1)[0], "announced answer")
    return _extraction(text.split("\n", 1)[0], "first line")


def _extraction(answer: str, step: str) -> Extraction:
    bare = _PERIOD.sub("", answer.strip(_QUOTES)).strip(_QUOTES)
    return Extraction(bare, step) if bare else Extraction(None, "no answer found")
