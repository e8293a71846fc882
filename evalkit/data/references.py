"""Read texts, gold answers and options from a row as the official data sets write them, without guessing."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec

from evalkit.adapters import template
from evalkit.errors import CellError
from evalkit.types import Value

Row: TypeAlias = Mapping[str, Any]
"""The values of one row by column name."""


# --- references to columns


Divisor = Annotated[int, msgspec.Meta(ge=1)]


class Modulo(Value, frozen=True, tag_field="kind", tag="modulo"):
    """The remainder of an integer division, such as MMBench's question id: `index % 1000000`."""

    column: str
    by: Divisor


class Quotient(Value, frozen=True, tag_field="kind", tag="quotient"):
    """The quotient of an integer division, such as the rotation of MMBench's question: `index // 1000000`."""

    column: str
    by: Divisor


class Lookup(Value, frozen=True, tag_field="kind", tag="lookup"):
    """The text that `table` maps the column's text to, such as the discipline of an MMMU subject."""

    column: str
    table: Mapping[str, str]


class Capital(Value, frozen=True, tag_field="kind", tag="capital"):
    """The text with its first letter in upper case and all others in lower case (lmms-eval, tasks/textvqa/utils.py)."""

    column: str


class Marks(Value, frozen=True, tag_field="kind", tag="marks"):
    """The labels in `marks` whose text occurs in the column, joined by ", "; `otherwise` where none occurs.

    A metric per label (`PerLabel`) takes them apart again.
    """

    column: str
    marks: Mapping[str, str]
    otherwise: str


ColumnReference: TypeAlias = str | tuple[str, ...] | Modulo | Quotient | Lookup | Capital | Marks
"""A column's name, several (texts joined by line breaks, empty ones dropped), a `{template}`, or such a class."""


class SameMedia(Value, frozen=True, tag_field="kind", tag="media"):
    """The cluster of questions that show the same pictures or video, by digest; for data without a column for it."""


class Letter(Value, frozen=True, tag_field="kind", tag="letter"):
    """The gold is an option letter, written "A", "(A)" or "A."."""

    column: str


class Index(Value, frozen=True, tag_field="kind", tag="index"):
    """The gold is a 0-based option number, as a number or as text."""

    column: str


class Choice(Value, frozen=True, tag_field="kind", tag="choice"):
    """The gold is the text of an option; the cell itself where the row has no options (MathVista's free form)."""

    column: str


class Literals(Value, frozen=True, tag_field="kind", tag="literal"):
    """The gold is a text, or several written as a Python list literal (MMMU's open questions)."""

    column: str


AnswerReference: TypeAlias = (
    str | tuple[str, ...] | Modulo | Quotient | Lookup | Capital | Marks | Letter | Index | Choice | Literals
)

LETTER = re.compile(r"\(?([A-Z])\)?[.:]?")


def referenced_columns(reference: AnswerReference) -> tuple[str, ...]:
    """The names of the columns that a reference reads."""
    if isinstance(reference, str):
        return template.fields(reference) if "{" in reference else (reference,)
    if isinstance(reference, tuple):
        return tuple(name for part in reference for name in referenced_columns(part))
    return (reference.column,)


def is_empty(value: object, empty_texts: Collection[str] = ()) -> bool:
    """True for None, NaN, blank text, an empty list, and one of the texts that a data set writes for "no value"."""
    if isinstance(value, str):
        return not value.strip() or value in empty_texts
    return value is None or (isinstance(value, float) and value != value) or (isinstance(value, list) and not value)


def column_value(row: Row, name: str) -> Any:
    """The value of column `name`, or for `outer.inner` that of a field of a struct column; None where there is none."""
    outer, _, inner = name.partition(".")
    struct = row.get(outer)
    return row.get(name, struct.get(inner) if isinstance(struct, Mapping) else None)


def resolve_text(reference: ColumnReference, row: Row) -> str:
    """The text that a reference gives for a row, "" where its columns are empty. Raises CellError."""
    if isinstance(reference, tuple):
        return "\n".join(filter(None, (resolve_text(part, row) for part in reference)))
    if isinstance(reference, str):
        if "{" not in reference:
            return _text(row[reference])
        return template.fill(reference, {name: _text(row[name]) for name in template.fields(reference)})
    if isinstance(reference, Modulo):
        return str(integer(row[reference.column], reference.column) % reference.by)
    if isinstance(reference, Quotient):
        return str(integer(row[reference.column], reference.column) // reference.by)
    text = _text(row[reference.column])
    if isinstance(reference, Capital):
        return text.capitalize()
    if isinstance(reference, Marks):
        return ", ".join(label for label, mark in reference.marks.items() if mark in text) or reference.otherwise
    if text not in reference.table:
        raise CellError(f"column {reference.column} holds {text!r}, which the lookup table lacks; add it to the table")
    return reference.table[text]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return "" if value is None else str(value)


def integer(value: object, column: str) -> int:
    """The integer that a number or its text stands for ("3", 3, 3.0). Raises CellError."""
    try:
        number = float(str(value))
        if number == int(number):
            # a float would round an id of more than 15 digits
            return int(str(value)) if isinstance(value, str | int) and str(value).lstrip("-").isdigit() else int(number)
    except (ValueError, OverflowError):
        pass  # raised below, as for every other text that is no number
    raise CellError(f"column {column} holds {str(value)[:80]!r}, which is not a whole number; correct the cell")


def option_texts(reference: str | tuple[str, ...] | None, row: Row) -> tuple[str, ...]:
    """Option texts in letter order: from a list, a Python list literal, or a column per letter (the last may be empty).

    Texts such as "None" and "NA" are options. Raises CellError for an empty column before a filled one, and for a value
    that is no list.
    """
    if reference is None:
        return ()
    if isinstance(reference, str):
        return _option_list(row[reference], reference)
    texts = [_text(row[name]) for name in reference]
    while texts and not texts[-1]:
        texts.pop()
    if "" in texts:
        raise CellError(f"column {reference[texts.index('')]} is empty although a later option is not; correct the row")
    return tuple(texts)


def _option_list(value: object, column: str) -> tuple[str, ...]:
    items = _literal(value) if isinstance(value, str) else value
    if items is None:
        return ()
    if not isinstance(items, list) or None in items:
        raise CellError(f"column {column} holds {str(value)[:80]!r}, which is not a list of options; correct the cell")
    return tuple(str(item) for item in items)


def _literal(text: str) -> object:
    """The value of a Python literal, or the text itself where it is none; no code is run."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def gold_answers(reference: AnswerReference | None, row: Row, choices: Sequence[str]) -> tuple[str, ...]:
    """The gold: one option letter, or every accepted text. Raises CellError where it is empty or names no option."""
    if reference is None:
        return ()
    columns = referenced_columns(reference)
    if all(is_empty(row[name]) for name in columns):
        raise CellError(
            f"column {' + '.join(columns)} has no answer; leave columns.answer out where the gold is withheld"
        )
    if isinstance(reference, Letter | Index | Choice):
        return (_option_letter(reference, _text(row[reference.column]).strip(), choices),)
    if isinstance(reference, Literals):
        value = row[reference.column]
        items = _literal(value) if isinstance(value, str) else value
        return tuple(str(item) for item in items) if isinstance(items, list) and items else (_text(value),)
    if isinstance(reference, str) and isinstance(row.get(reference), list):
        return tuple(_text(item) for item in row[reference])
    return (resolve_text(reference, row),)


def _option_letter(reference: Letter | Index | Choice, text: str, choices: Sequence[str]) -> str:
    if isinstance(reference, Choice) and not choices:
        return text
    if isinstance(reference, Letter):
        match = LETTER.fullmatch(text)
        number = ord(match[1]) - ord("A") if match else -1
    elif isinstance(reference, Index):
        number = integer(text, reference.column)
    else:
        stripped = [choice.strip() for choice in choices]
        number = stripped.index(text) if text in stripped else -1
    if number < 0 or (choices and number >= len(choices)):
        raise CellError(f"column {reference.column} holds {text[:80]!r}, which names none of {len(choices)} options")
    return chr(ord("A") + number)
