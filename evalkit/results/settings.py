"""How the runs behind a table were made: rule, prompt, crops, frames, limits and what could not be read."""

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


class Settings(Value, frozen=True, kw_only=True):
    """What a reader must know of a run to repeat it, as its record has it; `folder` is that of its table cells.

    `rule` is its name and, for the default, its kind; `frames` the sampling and its count; `num_crops` by situation.
    Counts are those of samples: asked, answered, failed, unreadable and cut off. Of `recorded` replies, and of those
    of a baseline, no prompt, token limit or frames are told: they are the task's, and may not have made the replies.
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


def settings(result: Run) -> Settings:
    """The settings of a run; what its record does not have is empty."""
    run, counts = result.record, result.record.scoring.counts
    kind, asked = _part(run.task.spec, "adapter", "rule").get("kind", ""), run.task.spec if result.generated else {}
    adapter, generation = _part(asked, "adapter"), _part(asked, "generation")
    backend, frames = _part(run.model.spec, "backend"), _part(asked, "columns", "video", "frames")
    return Settings(
        folder=str(result.folder),
        model=printable(run.model.name),
        task=run.task.name,
        complete=run.complete,
        limit=run.task.limit,
        planned=counts.planned,
        answered=counts.answered,
        errors=counts.errors,
        unparsed=counts.unparsed,
        truncated=counts.truncated,
        rule=f"{run.scoring.rule} ({kind})" if kind and run.scoring.rule == "default" else run.scoring.rule,
        prompts=tuple(one_line(str(adapter[key]), 160) for key in ("prompt", "open_prompt") if key in adapter),
        max_new_tokens=int(generation.get("max_new_tokens", 0)),
        temperature=float(generation.get("temperature", 0)),
        num_crops={name: int(count) for name, count in _part(backend, "num_crops").items()},
        frames=f"{frames['count']} ({frames['kind']})" if frames else "",
        recorded=result.recorded,
        judge=printable(str(run.scoring.judge.get("name", ""))),
        device="" if run.execution.device == "none" else printable(run.execution.device),
        dtype="" if run.execution.dtype == "none" else printable(run.execution.dtype),
    )


def sentence(found: Settings, language: str) -> str:
    """The settings on one line, for a footnote."""
    phrases = ("；" if language == "zh" else "; ").join(_phrases(found, language))
    return SENTENCE.get(language).format(run=f"{found.model} / {found.task}", phrases=phrases)


def _phrases(found: Settings, language: str) -> Iterator[str]:
    if found.rule:
        yield RULE.get(language).format(found.rule)
    yield from _asked(found, language)
    share = f"{100 * found.unparsed / found.answered:.1f}" if found.answered else "0.0"
    yield UNPARSED.get(language).format(found.unparsed, found.answered, share)
    for text, count in ((CUT, found.truncated), (FAILED, found.errors)):
        if count:
            yield text.get(language).format(count)
    if found.judge:
        yield JUDGE.get(language).format(found.judge)
    if found.dtype or found.device:
        yield f"{found.dtype} {found.device}".strip()


def _asked(found: Settings, language: str) -> Iterator[str]:
    if found.recorded:
        yield RECORDED.get(language)
    for prompt in found.prompts:
        yield PROMPT.get(language).format(prompt)
    if found.max_new_tokens:
        yield TOKENS.get(language).format(found.max_new_tokens)
        yield SAMPLED.get(language).format(found.temperature) if found.temperature else GREEDY.get(language)
    if found.num_crops:
        yield CROPS.get(language).format(", ".join(f"{count} ({name})" for name, count in found.num_crops.items()))
    if found.frames:
        yield FRAMES.get(language).format(found.frames)


def _part(value: Mapping[str, object], *path: str) -> Mapping[str, Any]:
    """The mapping below a path, empty where there is none; a record of another version may lack it."""
    for name in path:
        inner = value.get(name)
        value = inner if isinstance(inner, Mapping) else {}
    return value
