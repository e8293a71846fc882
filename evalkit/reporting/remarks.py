"""The sentences that must stand below a table: what is incomplete, missing, mixed or hardly readable."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit import digest
from evalkit.registry.spec import Localized, Reference
from evalkit.results.read import Result
from evalkit.results.settings import RECORDED
from evalkit.safe_text import printable

REFUSED = Localized(
    "Not shown, incomplete: {run} ({gap}); finish it with the same command, or pass --allow-incomplete.",
    "未显示（运行不完整）：{run}（{gap}）；请用同一命令补全，或使用 --allow-incomplete。",
)
MARKED = Localized("* incomplete: {run} ({gap}).", "* 不完整：{run}（{gap}）。")
GAP = Localized(
    "{answered} of {samples} samples answered, {errors} failed",
    "{samples} 个样本中 {answered} 个有回答，{errors} 个失败",
)
LIMIT = Localized(", limit {limit}", "，限制 {limit}")
LACKING = Localized("{run} has no {metric}.", "{run} 没有 {metric}。")
MIXED = Localized(
    "{model}: its runs differ in what the model is ({runs}); the column mixes them.",
    "{model}：各次运行的模型并不相同（{runs}），该列混合了它们。",
)
UNPARSED = Localized(
    "{run}: {unparsed} of {answered} replies could not be read ({share:.1f} %).",
    "{run}：{answered} 个回答中有 {unparsed} 个无法解析（{share:.1f}%）。",
)
MANY = 0.05
"""From this share on, unreadable replies say more about the prompt or the rule than a score lets on."""


def name(result: Result) -> str:
    """A run as sentences call it."""
    return printable(f"{result.run.model} / {result.run.task}")


def incomplete(result: Result, language: str, *, shown: bool) -> str:
    """What an incomplete run lacks; `shown` with a mark, or left out."""
    counts = result.run.counts
    gap = GAP.get(language).format(answered=counts.answered, samples=counts.samples, errors=counts.errors)
    if result.run.limit:
        gap += LIMIT.get(language).format(limit=printable(result.run.limit))
    return (MARKED if shown else REFUSED).get(language).format(run=name(result), gap=gap)


def lacking(result: Result, reference: Reference, language: str) -> str:
    """A number that a row wants and a complete run does not have."""
    wanted = ", ".join([reference.metric or result.run.headline, *reference.where.values()])
    return LACKING.get(language).format(run=name(result), metric=printable(wanted))


def unparsed(result: Result, language: str) -> list[str]:
    """How many replies no rule could read, where they are many."""
    counts = result.run.counts
    if result.derived or not counts.answered or counts.unparsed < MANY * counts.answered:
        return []
    share = 100 * counts.unparsed / counts.answered
    text = UNPARSED.get(language)
    return [text.format(run=name(result), unparsed=counts.unparsed, answered=counts.answered, share=share)]


def mixture(model: str, results: Sequence[Result], language: str) -> list[str]:
    """What differs between the runs of one column, where they are not the same model."""
    first: dict[tuple[str, str, str], str] = {}
    for result in results:
        run = result.run
        # Every task has a file of recorded replies of its own: that alone makes no other model.
        recorded = run.identity.get("kind") == "replay"
        identity = {"kind": "replay"} if recorded else run.identity
        told = RECORDED.get(language) if recorded else f"{run.dtype} {run.device}"
        first.setdefault((digest.of(identity), run.dtype, run.device), f"{run.task}: {told}")
    if len(first) < 2:
        return []
    return [MIXED.get(language).format(model=printable(model), runs=printable("; ".join(first.values())))]
