"""Our number minus the published one: the column of the same model, and whether the difference is within noise."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec
from evalkit.results.run import Run
from evalkit.statistics import one_sample
from evalkit.types import Stat, Value

NUMBER = re.compile(r"\d+(?:\.(\d+))?")


class PublishedDifference(Value, frozen=True, kw_only=True):
    """Ours minus a published number, in the unit of the stat (fractions for percentages).

    `low` and `high` are our interval's limits moved by the published number and widened by its rounding, so that they
    hold 0 exactly where it is `within` noise; None: our number has no interval. `p` is that
    row's alone.
    """

    column: str
    published: str
    difference: float
    low: float | None
    high: float | None
    p: float
    within: bool | None


def published_difference(stat: Stat, column: str, text: str, *, percent: bool) -> PublishedDifference | None:
    """The stat minus a published number in its printed form; None where the card prints none."""
    number = published_value(text, percent=percent)
    if number is None:
        return None
    value, rounding = number
    difference = one_sample(stat, value, rounding=rounding)
    low, high = difference.low, difference.high
    within = None if low is None or high is None else low <= 0 <= high
    return PublishedDifference(
        column=column,
        published=text,
        difference=difference.value,
        low=low,
        high=high,
        p=difference.p,
        within=within,
    )


def published_value(text: str, *, percent: bool) -> tuple[float, float] | None:
    """A published number and half a unit of its last digit, both in the unit of a stat; None where it is no number."""
    match = NUMBER.fullmatch(text)
    if match is None:
        return None
    unit = 100 if percent else 1
    return float(text) / unit, 0.5 * 10 ** -len(match[1] or "") / unit


def column_of(columns: Sequence[str], run: Run, column: str = "") -> str:
    """The published column that a run is compared with; empty: none.

    That is `column`, or else the one that has the model's own title or name; upper case and punctuation do not
    count. A model that is itself a difference (minus its blind run) has none.
    """
    if run.derived:
        return ""
    if column:
        return column if column in columns else ""
    # A hub id gives the name owner--model.
    names = {_plain(name) for name in (run.title, run.record.model.name, run.record.model.name.rpartition("--")[2])}
    return next((title for title in columns if _plain(title) in names), "")


def check_column(card: CardSpec, column: str) -> None:
    """Raises EvalkitError for a column that none of the card's tables has."""
    columns = list(dict.fromkeys(title for table in card.tables for title in table.columns))
    if column not in columns:
        advice = f"choose one of {', '.join(columns)}" if columns else "it prints no numbers, so choose another card"
        raise EvalkitError(f"card {card.name} has no column {column!r}: {advice}")


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
