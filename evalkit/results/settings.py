"""The settings of the runs behind a table: rule, prompt, crops, frames, limits and the unparsable replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalkit.registry.spec import Localized
from evalkit.results.run import Run
from evalkit.safe_text import one_line, printable
from evalkit.types import Value

SENTENCE = Localized("{run}: {phrases}.", "{run}：{phrases}。")
RULE, PROMPT = Localized("rule {}", "规则 {}"), Localized("prompt “{}”", "提示词“{}”")
TOKENS = Localized("at most {} new tokens", "最多生成 {} 个词元")
GREEDY, SAMPLED = Localized("greedy", "贪心解码"), Localized("temperature {}", "温度 {}")
CROPS, FRAMES = Localized("num_crops {}", "num_crops {}"), Localized("frames {}", "帧 {}")
UNPARSED = Localized("unparsed {} of {} ({} %)", "无法解析 {}/{}（{}%）")
CUT, FAILED = Localized("{} cut off", "截断 {}"), Localized("{} failed", "失败 {}")
RECORDED = Localized("recorded replies", "已记录的回答")
JUDGE = Localized("judge {}", "裁判模型 {}")


class ReportedSettings(Value, frozen=True, kw_only=True):
    """The settings by which a reader can repeat a run, from its record; `folder` is that of its table cells.

    `rule` is its name and, for the default, its kind; `frames` the sampling and its count; `num_crops` by situation.
    Counts are those of samples: planned, answered, failed, unparsable and cut off. Of `recorded` replies, and of those
    of a baseline, prompt, token limit and frames are empty: they are the task's, and may not have made the replies.
    """

    folder: str
    model: str
    task: str
    complete: bool
    limit: int | float | None
    planned: int
    answered: int
    errors: int
    unparsed: int
    truncated: int
    rule: str
    prompts: tuple[str, ...]
    max_new_tokens: int
    temperature: float
    num_crops: Mapping[str, int]
    frames: str
    recorded: bool
    judge: str
    device: str
    dtype: str


def reported_settings(run: Run) -> ReportedSettings:
    """The settings of a run; empty where its record lacks one."""
    record, counts = run.record, run.record.scoring.counts
    kind = _part(record.task.spec, "adapter", "rule").get("kind", "")
    task_spec = record.task.spec if run.generated else {}
    adapter, generation = _part(task_spec, "adapter"), _part(task_spec, "generation")
    backend, frames = _part(record.model.spec, "backend"), _part(task_spec, "columns", "video", "frames")
    return ReportedSettings(
        folder=str(run.folder),
        model=printable(record.model.name),
        task=record.task.name,
        complete=record.complete,
        limit=record.task.limit,
        planned=counts.planned,
        answered=counts.answered,
        errors=counts.errors,
        unparsed=counts.unparsed,
        truncated=counts.truncated,
        rule=f"{record.scoring.rule} ({kind})" if kind and record.scoring.rule == "default" else record.scoring.rule,
        prompts=tuple(one_line(str(adapter[key]), 160) for key in ("prompt", "open_prompt") if key in adapter),
        max_new_tokens=int(generation.get("max_new_tokens", 0)),
        temperature=float(generation.get("temperature", 0)),
        num_crops={name: int(count) for name, count in _part(backend, "num_crops").items()},
        frames=f"{frames['count']} ({frames['kind']})" if frames else "",
        recorded=run.recorded,
        judge=printable(str(record.scoring.judge.get("name", ""))),
        device="" if record.execution.device == "none" else printable(record.execution.device),
        dtype="" if record.execution.dtype == "none" else printable(record.execution.dtype),
    )


def sentence(settings: ReportedSettings, language: str) -> str:
    """The settings on one line, for a footnote."""
    phrases = ("；" if language == "zh" else "; ").join(_phrases(settings, language))
    return SENTENCE.get(language).format(run=f"{settings.model} / {settings.task}", phrases=phrases)


def _phrases(settings: ReportedSettings, language: str) -> Iterator[str]:
    if settings.rule:
        yield RULE.get(language).format(settings.rule)
    yield from _request_phrases(settings, language)
    share = f"{100 * settings.unparsed / settings.answered:.1f}" if settings.answered else "0.0"
    yield UNPARSED.get(language).format(settings.unparsed, settings.answered, share)
    for text, count in ((CUT, settings.truncated), (FAILED, settings.errors)):
        if count:
            yield text.get(language).format(count)
    if settings.judge:
        yield JUDGE.get(language).format(settings.judge)
    if settings.dtype or settings.device:
        yield f"{settings.dtype} {settings.device}".strip()


def _request_phrases(settings: ReportedSettings, language: str) -> Iterator[str]:
    if settings.recorded:
        yield RECORDED.get(language)
    for prompt in settings.prompts:
        yield PROMPT.get(language).format(prompt)
    if settings.max_new_tokens:
        yield TOKENS.get(language).format(settings.max_new_tokens)
        yield SAMPLED.get(language).format(settings.temperature) if settings.temperature else GREEDY.get(language)
    if settings.num_crops:
        yield CROPS.get(language).format(", ".join(f"{count} ({name})" for name, count in settings.num_crops.items()))
    if settings.frames:
        yield FRAMES.get(language).format(settings.frames)


def _part(value: Mapping[str, object], *path: str) -> Mapping[str, Any]:
    """The mapping below a path, empty where there is none; a record of another version may lack it."""
    for name in path:
        inner = value.get(name)
        value = inner if isinstance(inner, Mapping) else {}
    return value
