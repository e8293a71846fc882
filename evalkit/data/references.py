"""What a cell says: references to columns, gold answers and options as data sets write them, read without guessing."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec

from evalkit.adapters import template
from evalkit.errors import CellError
from evalkit.types import Value

Cells: TypeAlias = Mapping[str, Any]


# --- references to columns


Divisor = Annotated[int, msgspec.Meta(ge=1)]


class Modulo(Value, frozen=True, tag_field="kind", tag="modulo"):
    """The remainder of a whole number, such as MMBench's question id: `index % 1000000`."""

    column: str
    by: Divisor


class Quotient(Value, frozen=True, tag_field="kind", tag="quotient"):
    """A whole number without its remainder, such as the rotation of MMBench's question: `index // 1000000`."""

    column: str
    by: Divisor


class Lookup(Value, frozen=True, tag_field="kind", tag="lookup"):
    """What a table says for a cell's text, such as the discipline of an MMMU subject."""

    column: str
    table: Mapping[str, str]


class Capital(Value, frozen=True, tag_field="kind", tag="capital"):
    """The text with its first letter large and all others small (lmms-eval, tasks/textvqa/utils.py)."""

    column: str


class Marks(Value, frozen=True, tag_field="kind", tag="marks"):
    """Labels of the texts that a cell holds, joined by ", " for a metric per label; `otherwise` if it holds none."""

    column: str
    marks: Mapping[str, str]
    otherwise: str


Reference: TypeAlias = str | tuple[str, ...] | Modulo | Quotient | Lookup | Capital | Marks
"""A column's name, names whose texts are joined by line breaks (empties dropped), a `{template}`, or a rule above."""


class SameMedia(Value, frozen=True, tag_field="kind", tag="media"):
    """Questions that show the same pictures or video, told by content; for data that name neither."""


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


Answer: TypeAlias = (
    str | tuple[str, ...] | Modulo | Quotient | Lookup | Capital | Marks | Letter | Index | Choice | Literals
)

LETTER = re.compile(r"\(?([A-Z])\)?[.:]?")


def names_of(reference: Answer) -> tuple[str, ...]:
    """The columns that a reference reads."""
    if isinstance(reference, str):
        return template.fields(reference) if "{" in reference else (reference,)
    if isinstance(reference, tuple):
        return tuple(name for part in reference for name in names_of(part))
    return (reference.column,)


def absent(value: object, missing: Collection[str] = ()) -> bool:
    """Whether a cell is empty: None, NaN, blank text, an empty list, or one of the texts that mean so."""
    if isinstance(value, str):
        return not value.strip() or value in missing
    return value is None or (isinstance(value, float) and value != value) or (isinstance(value, list) and not value)


def nested(row: Mapping[str, Any], name: str) -> Any:
    """The cell of a column, or of a field of a struct column for `outer.inner`; None where there is none."""
    outer, _, inner = name.partition(".")
    nested = row.get(outer)
    return row.get(name, nested.get(inner) if isinstance(nested, Mapping) else None)


def text_of(reference: Reference, cells: Cells) -> str:
    """The text a reference gives for a row, "" where its cells are empty. Raises CellError."""
    if isinstance(reference, tuple):
        return "\n".join(filter(None, (text_of(part, cells) for part in reference)))
    if isinstance(reference, str):
        if "{" not in reference:
            return _text(cells[reference])
        return template.fill(reference, {name: _text(cells[name]) for name in template.fields(reference)})
    if isinstance(reference, Modulo):
        return str(whole(cells[reference.column], reference.column) % reference.by)
    if isinstance(reference, Quotient):
        return str(whole(cells[reference.column], reference.column) // reference.by)
    text = _text(cells[reference.column])
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


def whole(value: object, column: str) -> int:
    """A whole number from a number or its text ("3", 3, 3.0). Raises CellError."""
    try:
        number = float(str(value))
        if number == int(number):
            return int(str(value)) if isinstance(value, str | int) and str(value).lstrip("-").isdigit() else int(number)
    except (ValueError, OverflowError):
        pass  # told below, as every other text that is no number
    raise CellError(f"column {column} holds {str(value)[:80]!r}, which is not a whole number; correct the cell")


def choices_of(reference: str | tuple[str, ...] | None, cells: Cells) -> tuple[str, ...]:
    """Option texts in letter order: from a list, a Python list literal, or one column per letter (empties at the end).

    Option texts such as "None" and "NA" are options. Raises CellError for a gap or for what is no list.
    """
    if reference is None:
        return ()
    if isinstance(reference, str):
        return _listed(cells[reference], reference)
    texts = [_text(cells[name]) for name in reference]
    while texts and not texts[-1]:
        texts.pop()
    if "" in texts:
        raise CellError(f"column {reference[texts.index('')]} is empty although a later option is not; correct the row")
    return tuple(texts)


def _listed(value: object, column: str) -> tuple[str, ...]:
    items = _literal(value) if isinstance(value, str) else value
    if items is None:
        return ()
    if not isinstance(items, list) or None in items:
        raise CellError(f"column {column} holds {str(value)[:80]!r}, which is not a list of options; correct the cell")
    return tuple(str(item) for item in items)


def _literal(text: str) -> object:
    """The value of a Python literal, or the text itself; nothing is ever executed."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def answers_of(form: Answer | None, cells: Cells, choices: Sequence[str]) -> tuple[str, ...]:
    """The gold: an option letter, or every accepted text. Raises CellError when it is empty or fits no option."""
    if form is None:
        return ()
    column = " + ".join(names_of(form))
    if all(absent(cells[name]) for name in names_of(form)):
        raise CellError(f"column {column} has no answer; leave columns.answer out where the gold is withheld")
    if isinstance(form, Letter | Index | Choice):
        return (_letter(form, _text(cells[form.column]).strip(), choices),)
    if isinstance(form, Literals):
        value = cells[form.column]
        found = _literal(value) if isinstance(value, str) else value
        return tuple(str(item) for item in found) if isinstance(found, list) and found else (_text(value),)
    if isinstance(form, str) and isinstance(cells.get(form), list):
        return tuple(_text(item) for item in cells[form])
    return (text_of(form, cells),)


def _letter(form: Letter | Index | Choice, text: str, choices: Sequence[str]) -> str:
    if isinstance(form, Choice) and not choices:
        return text
    if isinstance(form, Letter):
        found = LETTER.fullmatch(text)
        number = ord(found[1]) - ord("A") if found else -1
    elif isinstance(form, Index):
        number = whole(text, form.column)
    else:
        number = [choice.strip() for choice in choices].index(text) if text in map(str.strip, choices) else -1
    if number < 0 or (choices and number >= len(choices)):
        raise CellError(f"column {form.column} holds {text[:80]!r}, which names none of {len(choices)} options")
    return chr(ord("A") + number)
