"""Sentences below tables: the notes of `run_notes`, the settings of the runs, and a legend of the signs."""

from __future__ import annotations

from evalkit.registry.spec import Localized
from evalkit.reporting.agreement import agreement_sentences
from evalkit.reporting.report import CardReport
from evalkit.reporting.table import CardTable, is_best, table_notes
from evalkit.results.settings import sentence

INTERVALS = Localized("In brackets: 95 % interval.", "方括号内为 95% 置信区间。")
DIFFERENCES = Localized(
    "vs published: ours minus the card's. ≈ within noise: the published number, up to its last digit, lies in our 95 % "
    "interval. ≠ beyond noise: it lies outside, as 1 number in 20 does by chance alone; the sentence above the table "
    "corrects for that (Holm).",
    "对比已发布：本次评测减去模型卡数值。≈ 在误差范围内：已发布数值（计入末位舍入）落在我们的 95% 置信区间内。"
    "≠ 超出误差范围：未落在其中，仅凭偶然每 20 个数值也会出现 1 个；表格上方的结论已对此校正（Holm）。",
)
BEST = Localized(
    "{mark}: best of its row, or not separable from the best: two of ours by a paired test on the same samples, a "
    "published number and one of ours by our interval, two published ones only if equal.",
    "{mark}：该行最佳，以及统计上与之无法区分者：本次评测之间用同一样本的配对检验，已发布数值与本次评测之间用置信区间，"
    "两个已发布数值仅在相等时并列。",
)
BOLD = Localized("Bold", "粗体")


def footnotes(table: CardTable, report: CardReport) -> list[str]:
    """The notes of one table and, with `details`, the settings of each of its runs."""
    folders = {cell.folder for cell in table.measured}
    runs = [run for run in report.runs if run.folder in folders] if report.details else []
    return [*table.notes, *(sentence(run, report.language) for run in runs)]


def legend(report: CardReport, *tables: CardTable, best: str = "") -> list[str]:
    """The meanings of the signs in these tables (default: in all); `best` is the sign of the best, if not bold type."""
    tables = tables or report.tables
    ours = [cell for table in tables for cell in table.measured]
    sentences = [INTERVALS.get(report.language)] if report.intervals and ours else []
    sentences += [DIFFERENCES.get(report.language)] if any(cell.against for cell in ours) else []
    if any(is_best(cell) for table in tables for row in table.rows for cell in row.cells):
        sentences.append(BEST.get(report.language).format(mark=best or BOLD.get(report.language)))
    return sentences


def sentences_beside_csv(report: CardReport) -> list[str]:
    """The sentences that a CSV file has no place for: agreement with the published numbers, then notes."""
    agreement = [sentence for table in report.tables for sentence in agreement_sentences(table, report.language)]
    return [*agreement, *table_notes(report.tables)]
