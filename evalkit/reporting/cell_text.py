"""Cells as text, the same in every format: numbers, intervals and differences to published numbers."""

from __future__ import annotations

from evalkit.reporting.table import Absent, Cell, Column, Measured, Published

WITHIN, BEYOND = "≈", "≠"
"""Signs of a difference that noise explains, and of one that it does not."""


def cell_text(cell: Cell, *, absent: str = "-") -> str:
    """The number of a cell: percent with one decimal, with `*` if its run is incomplete; `absent` for none."""
    match cell:
        case Published():
            return cell.text
        case Absent():
            return absent
        case Measured():
            return f"{number_text(cell, cell.stat.value)}{'' if cell.complete else '*'}"


def number_text(cell: Measured, value: float | None) -> str:
    """A value in the unit of the cell, without a percent sign; empty for None."""
    if value is None:
        return ""
    return f"{100 * value:.1f}" if cell.percent else f"{value:.4g}"


def interval_text(cell: Cell) -> str:
    """The interval of one of our numbers, in brackets; empty if it has none."""
    if not isinstance(cell, Measured) or cell.stat.low is None or cell.stat.high is None:
        return ""
    return f"[{number_text(cell, cell.stat.low)}, {number_text(cell, cell.stat.high)}]"


def difference_text(cell: Measured) -> str:
    """Ours minus published, and the sign that says whether noise explains it; no sign if our number has no interval."""
    if cell.against is None:
        return ""
    sign = {True: f" {WITHIN}", False: f" {BEYOND}", None: ""}[cell.against.within]
    return f"{signed_difference(cell)}{sign}"


def signed_difference(cell: Measured) -> str:
    """Ours minus published in the unit of the cell, with a typographic minus; empty if nothing is published."""
    if cell.against is None:
        return ""
    value = cell.against.difference
    text = f"{100 * value:+.1f}" if cell.percent else f"{value:+.4g}"
    return text.replace("-", "−")


def column_title(column: Column) -> str:
    """The title of a column; a model that was evaluated here has its mark behind it."""
    return f"{column.title} ({column.mark})" if column.ours else column.title
