"""One sentence per model and table: is our column consistent with the published one, and where not."""

from __future__ import annotations

from evalkit.registry.spec import Localized
from evalkit.reporting.table import Column, FilledTable, Measured
from evalkit.statistics import holm

ALPHA = 0.05
LONGEST = 6
"""Rows that a sentence names; the marks in the table show the others."""

WITHIN, BEYOND = "≈", "≠"
FOOTNOTE = Localized(
    "vs published: ours minus the card's. ≈ within noise: the published number, up to its last digit, lies in our 95 % "
    "interval. ≠ beyond noise: it does not, which chance alone does to 1 number in 20; the sentence above the table "
    "corrects for that (Holm).",
    "对比已发布：本次评测减去模型卡数值。≈ 在误差范围内：已发布数值（计入末位舍入）落在我们的 95% 置信区间内。"
    "≠ 超出误差范围：未落在其中，仅凭偶然每 20 个数值也会出现 1 个；表格上方的结论已对此校正（Holm）。",
)
ALL = Localized(
    "Consistent with the published numbers: {model}{column}, all {count} within noise (≈).",
    "与已发布数值一致：{model}{column}，全部 {count} 个均在误差范围内（≈）。",
)
CHANCE = Localized(
    "Consistent with the published numbers: {model}{column}, {within} of {count} within noise (≈); beyond it (≠) "
    "{beyond}, which may be chance among {count}.",
    "与已发布数值一致：{model}{column}，{count} 个中有 {within} 个在误差范围内（≈）；超出者（≠）{beyond}，"
    "在 {count} 次比较中可能出于偶然。",
)
DIFFERS = Localized(
    "Not consistent with the published numbers: {model}{column}, {apart} of {count} beyond noise (≠): {beyond}.",
    "与已发布数值不一致：{model}{column}，{count} 个中有 {apart} 个超出误差范围（≠）：{beyond}。",
)
COLUMN = Localized(" (column {name})", "（{name} 列）")


def verdicts(table: FilledTable, language: str) -> list[str]:
    """For each of our columns that has a published counterpart, what its rows say together (Holm, alpha 0.05)."""
    found = (_verdict(table, index, column, language) for index, column in enumerate(table.columns) if column.mark)
    return [sentence for sentence in found if sentence]


def difference(cell: Measured) -> str:
    """Ours minus published with its sign and mark; empty where nothing is published, no mark where noise is unknown."""
    if cell.against is None:
        return ""
    mark = {True: f" {WITHIN}", False: f" {BEYOND}", None: ""}[cell.against.within]
    return f"{signed(cell)}{mark}"


def signed(cell: Measured) -> str:
    """Ours minus published in the cell's unit, with a real minus; empty where nothing is published."""
    if cell.against is None:
        return ""
    value = cell.against.difference
    shown = f"{100 * value:+.1f}" if cell.percent else f"{value:+.4g}"
    return shown.replace("-", "−")


def _verdict(table: FilledTable, index: int, column: Column, language: str) -> str:
    pairs = [(line.label, cell) for line in table.lines if isinstance(cell := line.cells[index], Measured)]
    told = [(label, cell, cell.against) for label, cell in pairs if cell.against and cell.against.within is not None]
    if not told:
        return ""
    apart = [(label, cell) for label, cell, found in told if not found.within]
    corrected = holm([found.p for _, _, found in told])
    differs = any(p < ALPHA and not found.within for p, (_, _, found) in zip(corrected, told, strict=True))
    name = told[0][2].column
    text = DIFFERS if differs else CHANCE if apart else ALL
    return text.get(language).format(
        model=column.title,
        column="" if name == column.title else COLUMN.get(language).format(name=name),
        count=len(told),
        apart=len(apart),
        within=len(told) - len(apart),
        beyond=_names(apart),
    )


def _names(apart: list[tuple[str, Measured]]) -> str:
    apart = sorted(apart, key=lambda pair: -abs(pair[1].against.difference if pair[1].against else 0.0))
    shown = [f"{label} {signed(cell)}" for label, cell in apart[:LONGEST]]
    return ", ".join([*shown, "..."] if len(apart) > LONGEST else shown)
