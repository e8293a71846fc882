"""Refuse to compare runs of a task that differ in anything but the model, with the reason for each refusal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from evalkit.comparison.values import Refusal
from evalkit.run.record import RunRecord

PROMPT_COLUMNS = ("question", "choices", "images", "video", "subtitles", "extra", "decoding", "missing")
"""Columns that a prompt is made of."""
NOT_IN_TASK = ("cluster", *PROMPT_COLUMNS)
"""Columns that are not compared under the reason `task`: those of the prompt, and one that changes no score."""


def refusals(base: RunRecord, candidate: RunRecord) -> list[Refusal]:
    """A refusal for every difference between two records of a task that makes their scores not comparable."""
    return [Refusal(base.task.name, reason, text) for reason, text in _differences(base, candidate)]


def _differences(base: RunRecord, candidate: RunRecord) -> Iterator[tuple[str, str]]:
    before, after = dict(base.task.spec), dict(candidate.task.spec)
    if base.data.digest != candidate.data.digest:
        yield "data", f"the data files differ ({_revision(base)} against {_revision(candidate)})"
    yield from _changed("split", _split(before), _split(after))
    yield from _changed("prompt", _prompt(before), _prompt(after))
    yield from _changed("rule", _rule(base), _rule(candidate))
    yield from _changed("generation", _mapping(before, "generation"), _mapping(after, "generation"))
    yield from _changed("task", _rest(before), _rest(after))
    if base.model.blind != candidate.model.blind:
        yield "blind", "one of the runs left the pictures out"
    for name, run in (("base", base), ("candidate", candidate)):
        yield from _partial(name, run)


def _partial(name: str, run: RunRecord) -> Iterator[tuple[str, str]]:
    if not run.complete:
        counts, limit = run.scoring.counts, "" if run.task.limit is None else f", limit {run.task.limit}"
        yield "partial", f"the {name} run is incomplete ({counts.answered} of {counts.samples} answered{limit})"


def refusals_alone(candidate: RunRecord) -> list[Refusal]:
    """The reasons why a run's score is not one of the whole task, whatever it is compared with."""
    reasons = list(_partial("candidate", candidate))
    if candidate.model.blind:
        reasons.append(("blind", "the candidate run left the pictures out"))
    return [Refusal(candidate.task.name, reason, text) for reason, text in reasons]


def sample_refusals(task: str, base: Iterable[str], candidate: Iterable[str]) -> list[Refusal]:
    """A refusal if the runs did not score the same samples, given by their ids."""
    before, after = set(base), set(candidate)
    if before == after:
        return []
    text = f"{len(before - after)} samples are only in the base run and {len(after - before)} only in the candidate's"
    return [Refusal(task, "samples", text)]


def split_allowed(refusals: Sequence[Refusal], allow: Collection[str]) -> tuple[list[Refusal], list[str]]:
    """The refusals whose reason is not in `allow`, and a note on each of the others."""
    refused = [refusal for refusal in refusals if refusal.reason not in allow]
    allowed = [refusal for refusal in refusals if refusal.reason in allow]
    return refused, [f"Allowed although it differs: {r.task}, {r.reason}: {r.text}." for r in allowed]


def notes(base: RunRecord, candidate: RunRecord) -> Iterator[str]:
    """Sentences on differences that do not prevent a comparison, since they may be its very subject."""
    for field in ("device", "dtype"):
        before, after = getattr(base.execution, field), getattr(candidate.execution, field)
        if before != after and not {"", "none"} & {before, after}:  # recorded replies and baselines have no device
            yield f"{base.task.name}: {field} differs, {before} against {after}."
    before, after = base.scoring.evalkit, candidate.scoring.evalkit
    if before != after:
        advice = "`evalkit score` scores both by one version"
        yield f"{base.task.name}: scored by evalkit {before or '?'} and {after or '?'}; {advice}."


def _changed(reason: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    if names:
        parts = (f"{name}: {_short(before.get(name))} against {_short(after.get(name))}" for name in names)
        yield reason, "; ".join(parts)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _revision(run: RunRecord) -> str:
    return run.data.revision[:12] or f"sha256 {run.data.digest[:12]}"


def _mapping(spec: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = spec.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _split(spec: Mapping[str, Any]) -> dict[str, Any]:
    source = _mapping(spec, "source")
    return {name: source.get(name) for name in ("split", "subsets") if source.get(name)}


def _prompt(spec: Mapping[str, Any]) -> dict[str, Any]:
    adapter, columns = _mapping(spec, "adapter"), _mapping(spec, "columns")
    prompt_columns = {f"columns.{name}": columns.get(name) for name in PROMPT_COLUMNS}
    return {**{f"adapter.{k}": v for k, v in adapter.items() if k != "rule"}, **prompt_columns}


def _rule(run: RunRecord) -> dict[str, Any]:
    """The rule, the judge and the metric that turn replies into the headline; other metrics do not change it."""
    spec = dict(run.task.spec)
    metric = _mapping(_mapping(spec, "metrics"), run.scoring.headline)
    metric = {name: value for name, value in metric.items() if name != "by" or metric.get("average") == "macro"}
    rule = {
        "rule": run.scoring.rule,
        "adapter.rule": _mapping(spec, "adapter").get("rule"),
        f"metrics.{run.scoring.headline}": metric,
    }
    if run.scoring.judge:
        rule |= {"judge": run.scoring.judge.get("identity"), "judge.prompt": spec.get("judge")}
    return rule


def _rest(spec: Mapping[str, Any]) -> dict[str, Any]:
    columns = {f"columns.{k}": v for k, v in _mapping(spec, "columns").items() if k not in NOT_IN_TASK}
    return {"samples": spec.get("samples"), "keep": spec.get("keep"), **columns}
