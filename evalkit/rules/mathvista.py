"""MathVista's official normalisation of an extracted answer, by the type of answer that a question wants."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from evalkit.rules.extract import Extraction, extract_letter, extract_number, extract_text
from evalkit.rules.verdict import LETTERS, Verdict, letter_verdict, unparsed
from evalkit.types import Sample, Value

Reading: TypeAlias = Literal["recorded", "quick", "calibrated"]

_BRACKETED = re.compile(r"\(([a-zA-Z])\)")
_LIST = re.compile(r"\[[^\[\]]{0,500}\]")


class MathvistaRule(Value, frozen=True, tag_field="kind", tag="mathvista"):
    """`normalize_extracted_answer` (lupantech/MathVista, evaluation/calculate_score.py).

    reading: how the answer is extracted from the reply, for which the official script asks a language model.
    `recorded`: the reply is an extraction already. `quick`: only the replies that the script takes without asking
    (`extract_answer`, evaluation/extract_answer.py); all others are unparsed. `calibrated`: by our own extractors.
    `columns.extra` provides `answer_type` (integer, float, list, text) and `precision` (decimals of a float).
    """

    reading: Reading = "recorded"

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """With choices an extraction is never unparsed, since the nearest choice counts; what is no number may be."""
        if self.reading == "recorded":
            return _normalized_verdict(reply, sample, "recorded extraction")
        if self.reading == "quick":
            taken = _needs_no_extraction(reply, sample)
            return _normalized_verdict(reply, sample, "reply as it is") if taken else unparsed("needs a language model")
        if sample.choices:
            letter, step = extract_letter(reply, sample.choices)
            return letter_verdict(letter, sample, step)
        answer, step = _extract_typed(reply, str(sample.extra.get("answer_type")))
        return unparsed(step) if answer is None else _normalized_verdict(answer, sample, step)


class LmmsMathvistaRule(Value, frozen=True, tag_field="kind", tag="lmms_mathvista"):
    """`normalize_extracted_answer` and `safe_equal` (EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/mathvista).

    As the official rule for recorded extractions, but lmms-eval passes the data's `precision` (in `columns.extra`) to
    Python's `round` unconverted: `round` refuses the 1.0 of the hub's float64 column, and no float is ever right.
    """

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """Blanks around the two texts do not count; a float whose precision is no integer is unparsed."""
        if not sample.choices and sample.extra.get("answer_type") == "float":
            try:
                operator.index(sample.extra.get("precision"))  # type: ignore[arg-type]  # which is the question
            except TypeError:
                return unparsed("precision is not an integer")
        verdict = _normalized_verdict(reply, sample, "recorded extraction")
        if sample.choices or verdict.answer is None:
            return verdict
        return verdict._replace(value=float(verdict.answer.strip() in {gold.strip() for gold in sample.answers}))


def _needs_no_extraction(reply: str, sample: Sample) -> bool:
    """True if the official script takes the reply itself: empty, a choice's text, or a number of the right type."""
    answer_type = sample.extra.get("answer_type")
    try:
        if answer_type == "integer":
            int(reply)
        elif answer_type == "float":
            float(reply)
        else:
            return not reply or reply in sample.choices
    except ValueError:
        return not reply
    return True


def _extract_typed(reply: str, answer_type: str) -> Extraction:
    """Return the number that a reply states, the last list in it, or its short text."""
    if answer_type in ("integer", "float"):
        return extract_number(reply)
    lists = _LIST.findall(reply) if answer_type == "list" else []
    return Extraction(lists[-1], "last list in the reply") if lists else extract_text(reply)


def nearest_option(reply: str, texts: Sequence[str]) -> int:
    """Return the index of the option whose letter the reply is, or first has as "(b)"; else the nearest by edits.

    The text of a choice may look like a letter, "(c)", and is then read as one, so that the gold text can be wrong.
    """
    reply = reply.strip()
    bracketed = _BRACKETED.search(reply)
    letter = bracketed[1].upper() if bracketed else reply
    if len(letter) == 1 and letter in LETTERS[: len(texts)]:
        return LETTERS.index(letter)
    distances = [edit_distance(letter, text) for text in texts]
    return distances.index(min(distances))


def normalize_typed(reply: str, answer_type: str, precision: object) -> str | None:
    """Return an integer cut towards zero, a float rounded to `precision` decimals, or the text; None for no number."""
    try:
        if answer_type == "integer":
            return str(int(float(reply)))
        if answer_type == "float":
            return str(round(float(reply), int(float(str(precision)))))
    except (ValueError, OverflowError):
        return None
    return reply


def edit_distance(left: str, right: str) -> int:
    """Return the edits (insert, delete, replace one character) from one text to the other.

    Columns of the table of distances are integers with one bit for each character of the shorter text (Myers 1999,
    in the form of Hyyrö 2003), so that a reply of any length costs one step for each of its characters.
    """
    short, long = sorted((left, right), key=len)
    if not short:
        return len(long)
    places: dict[str, int] = {}
    for place, sign in enumerate(short):
        places[sign] = places.get(sign, 0) | 1 << place
    ones, last = (1 << len(short)) - 1, 1 << (len(short) - 1)
    more, less, distance = ones, 0, len(short)  # where the column rises and falls from one row to the next
    for sign in long:
        equal = places.get(sign, 0)
        down = equal | less
        across = (((equal & more) + more) ^ more) | equal
        rising, falling = less | ~(across | more), more & across
        distance += bool(rising & last) - bool(falling & last)
        rising, falling = rising << 1 | 1, falling << 1
        more, less = (falling | ~(down | rising)) & ones, rising & down & ones
    return distance


def _normalized_verdict(extraction: str, sample: Sample, step: str) -> Verdict:
    if sample.choices:
        option = nearest_option(extraction, sample.choices)
        golds = [LETTERS.index(answer) for answer in sample.answers if len(answer) == 1 and answer in LETTERS]
        gold_texts = [sample.choices[gold] for gold in golds if gold < len(sample.choices)]
        return Verdict(LETTERS[option % len(LETTERS)], float(sample.choices[option] in gold_texts), step)
    answer = normalize_typed(extraction, str(sample.extra.get("answer_type")), sample.extra.get("precision"))
    if answer is None:
        return unparsed("extraction is not a number")
    return Verdict(answer, float(answer in sample.answers), step)
