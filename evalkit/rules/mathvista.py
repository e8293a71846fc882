"""MathVista's official normalisation of an extracted answer, by the type of answer that a question wants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from evalkit.rules import extract
from evalkit.rules.verdict import LETTERS, UNPARSED, Verdict, matching
from evalkit.types import Sample, Value

Reading: TypeAlias = Literal["recorded", "quick", "calibrated"]

_BRACKETED = re.compile(r"\(([a-zA-Z])\)")
_LIST = re.compile(r"\[[^\[\]]{0,500}\]")
_LONGEST = 2_000


class MathvistaRule(Value, frozen=True, tag_field="kind", tag="mathvista"):
    """`normalize_extracted_answer` (lupantech/MathVista, evaluation/calculate_score.py).

    reading: how the answer gets out of the reply, for which the official script asks a language model. `recorded`: the
    reply is an extraction already. `quick`: what the script reads before it asks (`extract_answer`,
    evaluation/extract_answer.py), all else is unparsed. `calibrated`: by our own extractors. `columns.extra` provides
    `answer_type` (integer, float, list, text) and `precision` (decimals of a float).
    """

    reading: Reading = "recorded"

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A recorded choice is never unparsed: the nearest one is taken. A number that cannot be read is."""
        if self.reading == "calibrated" and sample.choices:
            return matching(extract.letter(reply, sample.choices), sample)
        if self.reading == "calibrated":
            return _judged(stated(reply, str(sample.extra.get("answer_type"))), sample)
        return _judged(reply if self.reading == "recorded" or quick(reply, sample) else None, sample)


def quick(reply: str, sample: Sample) -> bool:
    """Whether the official script takes the reply itself: an empty one, a choice's text, a number of the right type."""
    kind = sample.extra.get("answer_type")
    try:
        if kind == "integer":
            int(reply)
        elif kind == "float":
            float(reply)
        else:
            return not reply or reply in sample.choices
    except ValueError:
        return not reply
    return True


def stated(reply: str, kind: str) -> str | None:
    """The number that a reply states, the last list in it, or its short text; None for none."""
    if kind in ("integer", "float"):
        return extract.number(reply)
    lists = _LIST.findall(reply) if kind == "list" else []
    return lists[-1] if lists else extract.text(reply) or None


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


def _judged(found: str | None, sample: Sample) -> Verdict:
    if found is None:
        return UNPARSED
    if sample.choices:
        number = choice(found, sample.choices)
        golds = [sample.choices[i] for i in _numbers(sample.answers) if i < len(sample.choices)]
        return Verdict(LETTERS[number % len(LETTERS)], float(sample.choices[number] in golds))
    answer = normal(found, str(sample.extra.get("answer_type")), sample.extra.get("precision"))
    return Verdict(answer, float(answer in sample.answers))


def _numbers(answers: Sequence[str]) -> list[int]:
    return [LETTERS.index(answer) for answer in answers if len(answer) == 1 and answer in LETTERS]
