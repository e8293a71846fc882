"""Can two runs of a task be compared at all? Every difference besides the model is a refusal with its reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from evalkit.comparison.values import Refusal
from evalkit.run.record import RunRecord

PROMPT_COLUMNS = ("question", "choices", "images", "video", "subtitles", "extra", "decoding", "missing")
"""Columns that a prompt is made of."""
NOT_IN_TASK = ("cluster", *PROMPT_COLUMNS)
"""Columns that are not compared as `task`: those of the prompt, and one that changes no score."""


def refusals(base: RunRecord, candidate: RunRecord) -> list[Refusal]:
    """Every difference between two records of a task that makes their scores answer different questions."""
    return [Refusal(base.task.name, reason, text) for reason, text in _differences(base, candidate)]


def _differences(base: RunRecord, candidate: RunRecord) -> Iterator[tuple[str, str]]:
    ours, theirs = dict(base.task.spec), dict(candidate.task.spec)
    if base.data.digest != candidate.data.digest:
        yield "data", f"the data files differ ({_revision(base)} against {_revision(candidate)})"
    yield from _changed("split", _split(ours), _split(theirs))
    yield from _changed("prompt", _prompt(ours), _prompt(theirs))
    yield from _changed("rule", _rule(base), _rule(candidate))
    yield from _changed("generation", _map(ours, "generation"), _map(theirs, "generation"))
    yield from _changed("task", _rest(ours), _rest(theirs))
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
    ours, theirs = set(base), set(candidate)
    if ours == theirs:
        return []
    text = f"{len(ours - theirs)} samples are only in the base run and {len(theirs - ours)} only in the candidate's"
    return [Refusal(task, "samples", text)]


def split_allowed(refusals: Sequence[Refusal], allow: Collection[str]) -> tuple[list[Refusal], list[str]]:
    """The refusals whose reason is not in `allow`, and a note on each of the others."""
    refused = [refusal for refusal in refusals if refusal.reason not in allow]
    allowed = [refusal for refusal in refusals if refusal.reason in allow]
    return refused, [f"Allowed although it differs: {r.task}, {r.reason}: {r.text}." for r in allowed]


def notes(base: RunRecord, candidate: RunRecord) -> Iterator[str]:
    """Sentences on differences that refuse nothing, since they may be what is being compared."""
    for field in ("device", "dtype"):
        one, two = getattr(base.execution, field), getattr(candidate.execution, field)
        if one != two and not {"", "none"} & {one, two}:  # recorded replies and baselines ran on nothing
            yield f"{base.task.name}: {field} differs, {one} against {two}."
    one, two = base.scoring.evalkit, candidate.scoring.evalkit
    if one != two:
        advice = "`evalkit score` scores both by one version"
        yield f"{base.task.name}: scored by evalkit {one or '?'} and {two or '?'}; {advice}."


def _changed(reason: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]
    if names:
        parts = (f"{name}: {_short(ours.get(name))} against {_short(theirs.get(name))}" for name in names)
        yield reason, "; ".join(parts)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _revision(run: RunRecord) -> str:
    return run.data.revision[:12] or f"sha256 {run.data.digest[:12]}"


def _map(spec: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = spec.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _split(spec: Mapping[str, Any]) -> dict[str, Any]:
    source = _map(spec, "source")
    return {name: source.get(name) for name in ("split", "subsets") if source.get(name)}


def _prompt(spec: Mapping[str, Any]) -> dict[str, Any]:
    adapter, columns = _map(spec, "adapter"), _map(spec, "columns")
    prompt_columns = {f"columns.{name}": columns.get(name) for name in PROMPT_COLUMNS}
    return {**{f"adapter.{k}": v for k, v in adapter.items() if k != "rule"}, **prompt_columns}


def _rule(run: RunRecord) -> dict[str, Any]:
    """What turns replies into the headline: rule, judge and the headline's metric. Another metric changes no score."""
    spec = dict(run.task.spec)
    metric = _map(_map(spec, "metrics"), run.scoring.headline)
    metric = {name: value for name, value in metric.items() if name != "by" or metric.get("average") == "macro"}
    rule = {
        "rule": run.scoring.rule,
        "adapter.rule": _map(spec, "adapter").get("rule"),
        f"metrics.{run.scoring.headline}": metric,
    }
    if run.scoring.judge:
        rule |= {"judge": run.scoring.judge.get("identity"), "judge.prompt": spec.get("judge")}
    return rule


def _rest(spec: Mapping[str, Any]) -> dict[str, Any]:
    columns = {f"columns.{k}": v for k, v in _map(spec, "columns").items() if k not in NOT_IN_TASK}
    return {"samples": spec.get("samples"), "keep": spec.get("keep"), **columns}
