"""Responses -> scores -> stats: pure, so that recorded replies can be scored again at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from evalkit.adapters import Adapter
from evalkit.metrics import Metric
from evalkit.registry.spec import TaskSpec
from evalkit.rules.thoughts import Reply, split_thought
from evalkit.run.plan import Plan
from evalkit.run.record import Counts
from evalkit.run.response_log import Log
from evalkit.types import Response, Sample, Score, Stat

NEVER_ASKED = "no reply yet; run the same command again"
CUT_OFF = "cut off in its thought"
WITHHELD = "the data hold no gold answer; the reply is in the log, without a score"


def scores(adapter: Adapter, samples: Iterable[Sample], *, plan: Plan, log: Log) -> list[Score]:
    """One Score per sample, in the order of the samples.

    A sample without all its replies keeps its place in the denominator: value 0, and `error` says why.
    """
    scored = []
    for sample in samples:
        problem = plan.problems.get(sample.id)
        replies: list[Reply] = []
        if problem is None:
            responses = [log.responses.get(request.key) for request in plan.requests[sample.id]]
            problem = _first_error(responses)
            replies = [split_thought(response.text) for response in responses if response is not None]
        if problem is None and not sample.answers:
            problem = WITHHELD
        score = _scored(adapter, sample, replies) if problem is None else _failed(sample, problem)
        scored.append(msgspec.structs.replace(score, cluster=sample.cluster) if sample.cluster else score)
    return scored


def _scored(adapter: Adapter, sample: Sample, replies: Sequence[Reply]) -> Score:
    """The rule's score of the replies without their thoughts; a reply that is all thought is unparsable to any rule."""
    score = adapter.score(sample, [reply.text for reply in replies])
    if any(reply.cut_off and not reply.text for reply in replies):
        return msgspec.structs.replace(score, answer=None, value=0.0, step=CUT_OFF)
    return score


def _first_error(responses: Iterable[Response | None]) -> str | None:
    for response in responses:
        if response is None:
            return NEVER_ASKED
        if response.error is not None:
            return response.error
    return None


def _failed(sample: Sample, problem: str) -> Score:
    target = " | ".join(sample.answers)
    return Score(sample_id=sample.id, target=target, answer=None, value=0.0, groups=sample.groups, error=problem)


def stats(metrics: Mapping[str, Metric], scores: list[Score]) -> list[Stat]:
    """Every metric's numbers, in the order of the task file."""
    return [stat for name, metric in metrics.items() for stat in metric.stats(name, scores)]


def problems(scores: Iterable[Score]) -> dict[str, str]:
    """Sample id -> reason, for the samples that have no score of their own."""
    return {s.sample_id: s.error for s in scores if s.error is not None}


def counts(task: TaskSpec, plan: Plan, log: Log, scores: Sequence[Score]) -> Counts:
    """The counts of a run's record."""
    keys = {request.key for request in plan.all}
    answers = [log.responses[key] for key in keys if log.answered(key)]
    replies = [split_thought(response.text) for response in answers]
    return Counts(
        samples=task.samples,
        planned=len(scores),
        requests=len(plan.all),
        unique=len(keys),
        answered=sum(s.error is None for s in scores),
        errors=sum(s.error is not None for s in scores),
        unparsed=sum(s.error is None and s.answer is None for s in scores),
        truncated=sum(r.finish == "length" for r in answers),
        thoughts=sum(bool(reply.thought or reply.cut_off) for reply in replies),
        cut_off_in_thought=sum(reply.cut_off for reply in replies),
    )
