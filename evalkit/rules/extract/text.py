"""Read the short answer of a free-form reply."""

from __future__ import annotations

import re

from evalkit.rules.extract.plain import final, plain

_ANNOUNCED = re.compile(
    r"\b(?:answer|response)(?:\s(?:to|for)\b[^.:\n]{0,100}?)?(?:\s(?:is|would be|should be)\b|\s?[:=])\s?"
    r"|答案\s?(?:是|为|:)\s?:?",
    re.IGNORECASE,
)
_QUOTES = " \t\n\"'“”‘’`*"
_PERIOD = re.compile(r"(?<=[^\d\W])\.$|(?<=[\d)\]])\.$|。$")


def text(reply: str) -> str:
    """The short answer of a reply: what a `\\boxed` or an `<answer>` holds, what is announced, or the first line.

    Quotation marks around it and a period behind it fall away.
    """
    said = plain(reply)
    held = final(said)
    if held is not None:
        return _unquoted(held)
    announced = [match.end() for match in _ANNOUNCED.finditer(said)]
    rest = said[announced[-1] :].lstrip() if announced else said
    return _unquoted((rest or said).split("\n", 1)[0])


def _unquoted(text: str) -> str:
    return _PERIOD.sub("", text.strip(_QUOTES)).strip(_QUOTES)
