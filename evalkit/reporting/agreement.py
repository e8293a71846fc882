"""One sentence per model and table: is our column consistent with the published one, and where is it not."""

from __future__ import annotations

from evalkit.registry.spec import Localized
from evalkit.reporting.cell_text import signed_difference
from evalkit.reporting.table import CardTable, Measured
from evalkit.results.published import PublishedDifference
from evalkit.statistics import holm

ALPHA = 0.05
MOST_ROWS = 6
"""Rows that a sentence names; the signs in the table show the others."""

ALL_WITHIN = Localized(
    "Consistent with the published numbers: {model}{column}, all {count} within noise (≈).",
    "与已发布数值一致：{model}{column}，全部 {count} 个均在误差范围内（≈）。",
)
MAY_BE_CHANCE = Localized(
    "Consistent with the published numbers: {model}{column}, {within} of {count} within noise (≈); beyond it (≠) "
    "{beyond}, which may be chance among {count}.",
    "与已发布数值一致：{model}{column}，{count} 个中有 {within} 个在误差范围内（≈）；超出者（≠）{beyond}，"
    "在 {count} 次比较中可能出于偶然。",
)
NOT_CONSISTENT = Localized(
    "Not consistent with the published numbers: {model}{column}, {apart} of {count} beyond noise (≠): {beyond}.",
    "与已发布数值不一致：{model}{column}，{count} 个中有 {apart} 个超出误差范围（≠）：{beyond}。",
)
AND_MORE = Localized("{rows} and {count} more", "{rows}，另有 {count} 个")
COLUMN_NAME = Localized(" (column {name})", "（{name} 列）")


def agreement_sentences(table: CardTable, language: str) -> list[str]:
    """A sentence for each of our columns with a published counterpart, over all its rows (Holm, alpha 0.05)."""
    columns = range(len(table.columns))
    return [sentence for index in columns if (sentence := _sentence(table, index, language))]


def _sentence(table: CardTable, index: int, language: str) -> str:
    rows = [(row.label, cell) for row in table.rows if isinstance(cell := row.cells[index], Measured)]
    comparisons = [(label, cell, cell.against) for label, cell in rows if cell.against]
    comparisons = [(label, cell, test) for label, cell, test in comparisons if test.within is not None]
    if not comparisons:
        return ""
    beyond = [comparison for comparison in comparisons if not comparison[2].within]
    adjusted = holm([test.p for _, _, test in comparisons])
    significant = any(p < ALPHA and not test.within for p, (_, _, test) in zip(adjusted, comparisons, strict=True))
    title, name = table.columns[index].title, comparisons[0][2].column
    template = NOT_CONSISTENT if significant else MAY_BE_CHANCE if beyond else ALL_WITHIN
    return template.get(language).format(
        model=title,
        column="" if name == title else COLUMN_NAME.get(language).format(name=name),
        count=len(comparisons),
        apart=len(beyond),
        within=len(comparisons) - len(beyond),
        beyond=_largest(beyond, language),
    )


def _largest(comparisons: list[tuple[str, Measured, PublishedDifference]], language: str) -> str:
    """Labels and differences of the rows, the largest differences first, and how many more there are."""
    ordered = sorted(comparisons, key=lambda comparison: -abs(comparison[2].difference))
    rows = ", ".join(f"{label} {signed_difference(cell)}" for label, cell, _ in ordered[:MOST_ROWS])
    more = len(ordered) - MOST_ROWS
    return AND_MORE.get(language).format(rows=rows, count=more) if more > 0 else rows
