"""Notes below a table about its runs: incomplete, without a number, of different models, or with unparsable replies."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit import digest
from evalkit.registry.spec import Localized, Reference
from evalkit.results.run import Run
from evalkit.results.settings import RECORDED
from evalkit.safe_text import printable

NOT_SHOWN = Localized(
    "Not shown, incomplete: {run} ({gap}); finish it with the same command, or pass --allow-incomplete.",
    "未显示（运行不完整）：{run}（{gap}）；请用同一命令补全，或使用 --allow-incomplete。",
)
INCOMPLETE = Localized("* incomplete: {run} ({gap}).", "* 不完整：{run}（{gap}）。")
GAP = Localized(
    "{answered} of {samples} samples answered, {errors} failed",
    "{samples} 个样本中 {answered} 个有回答，{errors} 个失败",
)
LIMIT = Localized(", limit {limit}", "，限制 {limit}")
MISSING = Localized("{run} has no {metric}.", "{run} 没有 {metric}。")
MIXED = Localized(
    "{model}: its runs differ in the model, its dtype or its device ({runs}); the column mixes them.",
    "{model}：各次运行的模型并不相同（{runs}），该列混合了它们。",
)
UNPARSED = Localized(
    "{run}: {unparsed} of {answered} replies could not be read ({share:.1f} %).",
    "{run}：{answered} 个回答中有 {unparsed} 个无法解析（{share:.1f}%）。",
)
MANY_UNPARSED = 0.05
"""The share of unparsable replies from which a score says more about the prompt or the rule than about the model."""


def incomplete_note(run: Run, language: str, *, marked: bool) -> str:
    """The note on an incomplete run: its numbers are marked with `*`, or else not shown."""
    counts = run.record.scoring.counts
    gap = GAP.get(language).format(answered=counts.answered, samples=counts.samples, errors=counts.errors)
    if run.record.task.limit:
        gap += LIMIT.get(language).format(limit=run.record.task.limit)
    return (INCOMPLETE if marked else NOT_SHOWN).get(language).format(run=_run_name(run), gap=gap)


def missing_number_note(run: Run, reference: Reference, language: str) -> str:
    """The note on a number that a row of the card names and a complete run does not have."""
    number = ", ".join([reference.metric or run.record.scoring.headline, *reference.where.values()])
    return MISSING.get(language).format(run=_run_name(run), metric=printable(number))


def unparsed_notes(run: Run, language: str) -> list[str]:
    """A note if many of a run's replies could not be parsed, else nothing."""
    counts = run.record.scoring.counts
    if run.derived or not counts.answered or counts.unparsed < MANY_UNPARSED * counts.answered:
        return []
    share = 100 * counts.unparsed / counts.answered
    note = UNPARSED.get(language)
    return [note.format(run=_run_name(run), unparsed=counts.unparsed, answered=counts.answered, share=share)]


def mixed_models_notes(model: str, runs: Sequence[Run], language: str) -> list[str]:
    """A note if the runs of one column differ in identity, dtype or device of the model, else nothing."""
    variants: dict[tuple[str, str, str], str] = {}
    for run in runs:
        record, execution = run.record, run.record.execution
        # Each task has its own file of recorded replies, which would otherwise count as another model.
        identity = {"kind": "replay"} if run.recorded else record.model.identity
        origin = RECORDED.get(language) if run.recorded else f"{execution.dtype} {execution.device}"
        variants.setdefault((digest.of(identity), execution.dtype, execution.device), f"{record.task.name}: {origin}")
    if len(variants) < 2:
        return []
    return [MIXED.get(language).format(model=printable(model), runs=printable("; ".join(variants.values())))]


def _run_name(run: Run) -> str:
    return printable(f"{run.record.model.name} / {run.record.task.name}")
