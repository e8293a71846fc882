"""MathVista's official normalisation of an extracted answer, by the type of answer that a question wants."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.rules.verdict import LETTERS, Verdict
from evalkit.types import Sample, Value

_BRACKETED = re.compile(r"\(([a-zA-Z])\)")
_LONGEST = 2_000


class MathvistaRule(Value, frozen=True, tag_field="kind", tag="mathvista"):
    """`normalize_extracted_answer` (lupantech/MathVista, evaluation/calculate_score.py).

    The reply is an extraction that was recorded, or made elsewhere: the official script asks a language model for it.
    `columns.extra` provides `answer_type` (integer, float, list, text) and `precision` (decimals of a float).
    """

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A choice is never unparsed: the nearest one is taken. A number that cannot be read is."""
        if sample.choices:
            number = choice(reply, sample.choices)
            golds = [sample.choices[i] for i in _numbers(sample.answers) if i < len(sample.choices)]
            return Verdict(LETTERS[number % len(LETTERS)], float(sample.choices[number] in golds))
        answer = normal(reply, str(sample.extra.get("answer_type")), sample.extra.get("precision"))
        return Verdict(answer, float(answer in sample.answers))


def choice(reply: str, texts: Sequence[str]) -> int:
    """The option whose letter is the reply, or stands in it first as "(b)"; else the one nearest in edit distance.

    A choice text such as "(c)" is itself taken for a letter, so that the gold text of such a question scores nothing.
    """
    reply = reply.strip()
    bracketed = _BRACKETED.search(reply)
    name = bracketed[1].upper() if bracketed else reply
    if len(name) == 1 and name in LETTERS[: len(texts)]:
        return LETTERS.index(name)
    distances = [distance(name, text) for text in texts]
    return distances.index(min(distances))


def normal(reply: str, kind: str, precision: object) -> str | None:
    """An integer cut towards zero, a float rounded to `precision` decimals, or the text; None for what is no number."""
    try:
        if kind == "integer":
            return str(int(float(reply)))
        if kind == "float":
            return str(round(float(reply), int(float(str(precision)))))
    except (ValueError, OverflowError):
        return None
    return reply


def distance(left: str, right: str) -> int:
    """Edits (insert, delete, replace one character) between two texts, of which the first 2,000 characters are read."""
    left, right = left[:_LONGEST], right[:_LONGEST]
    row = list(range(len(right) + 1))
    for i, sign in enumerate(left, start=1):
        above, row[0] = row[0], i
        for j, other in enumerate(right, start=1):
            above, row[j] = row[j], min(above + (sign != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def _numbers(answers: Sequence[str]) -> list[int]:
    return [LETTERS.index(answer) for answer in answers if len(answer) == 1 and answer in LETTERS]
