"""A judge: a language model that reads the answer in replies that no rule can read; its own replies are logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit import text_files
from evalkit.adapters import YesNo, template
from evalkit.adapters.prompt import option_lines
from evalkit.backends.engine import Engine
from evalkit.errors import EvalkitError
from evalkit.registry.spec import JudgePrompt, ModelSpec, TaskSpec
from evalkit.rules.calibrated import LetterRule
from evalkit.rules.thoughts import split_thought
from evalkit.run import plan, response_log, scoring
from evalkit.run.batching import Stream
from evalkit.run.plan import Plan
from evalkit.run.progress import Progress
from evalkit.run.response_log import Log
from evalkit.types import Generation, Message, Request, Response, Sample, Score, Text, Value

LOG = "judgements"
FILE = "judge.json"
OPTION = JudgePrompt(
    prompt="""\
Someone was asked a question with lettered options. Find out which option the reply chooses.

Question: {question}
Options:
{options}

Reply: {reply}

Write only the letter of the option that the reply means, or {none} if it means none of them or cannot decide."""
)
YES_NO = JudgePrompt(
    prompt="""\
Someone was asked a question that is answered with yes or no. Find out what the reply says.

Question: {question}

Reply: {reply}

Write only yes or no, or {none} if the reply says neither."""
)
ANSWER = JudgePrompt(
    prompt="""\
Someone was asked a question. Find the final answer in the reply.

Question: {question}

Reply: {reply}

Write only that answer, as short as it can be: a word or phrase, a number without its unit, or a list in brackets. \
Do not correct it. Write {none} if the reply gives no answer."""
)


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """A judge model. `identity` is its backend's; without `model` and `engine` only the replies in its log count.

    everything: it also reads the replies that the rule reads, to see how often both agree; the rule's answer counts.
    """

    name: str
    identity: Mapping[str, object]
    everything: bool = False
    model: ModelSpec | None = None
    engine: Callable[[], Engine[Any]] | None = None

    def record(self) -> dict[str, object]:
        """The fields in run.json by which a rescore recognises the judge's log."""
        return {"name": self.name, "identity": self.identity, "everything": self.everything}


class Agreement(Value, frozen=True, kw_only=True):
    """`judge.json`: of `asked` replies the judge read `read`; from `resolved` of these the rule extracted no answer.

    `agree` and `differ` count replies that both read, `examples` are samples on which they differ; `calls` counts new
    requests.
    """

    judge: str
    identity: Mapping[str, object]
    asked: int
    read: int
    resolved: int
    agree: int
    differ: int
    failed: int
    calls: int
    examples: tuple[str, ...] = ()

    def sentence(self) -> str:
        """The counts, for stderr."""
        unresolved = self.asked - self.agree - self.differ - self.resolved
        text = f"judge {self.judge}: {self.resolved} replies read that the rule left unparsed, {unresolved} left"
        both = self.agree + self.differ
        return f"{text}; of {both} that both read, {self.agree} agree" if both else text


def recorded_judge(fields: Mapping[str, Any]) -> Judge | None:
    """The judge of a record, without a model to ask; None where there was none."""
    return msgspec.convert(fields, Judge) if fields else None


def scores_with_judge(
    judge: Judge | None,
    task: TaskSpec,
    samples: Sequence[Sample],
    *,
    planned: Plan,
    log: Log,
    folder: Path,
    progress: Progress,
) -> tuple[Score, ...]:
    """The rule's scores, with the judge's answers where the rule extracted none; new replies of it go into its log.

    The agreement of both is reported, and written to `folder`. A reply that the judge cannot be asked about costs its
    sample the score, as any failed request does. Samples with several prompts are left to the rule.
    """
    scores = tuple(scoring.scores(task.adapter, samples, plan=planned, log=log))
    if judge is None:
        return scores
    candidates = {s.sample_id for s in scores if s.error is None and (judge.everything or s.answer is None)}
    replies = {
        name: split_thought(log.responses[views[0].key].text).text
        for name, views in planned.requests.items()
        if name in candidates
    }
    selection = [s for s in samples if replies.get(s.id, "").strip() and len(planned.requests[s.id]) == 1]
    requests = {s.id: request(judge, task, s, replies[s.id]) for s in selection}
    calls, judgements = _execute(judge, requests, folder, progress)
    readings = {s.id: _reading(judge, task, s, judgements.responses.get(requests[s.id].key)) for s in selection}
    agreement = _agreement(judge, scores, readings, calls=calls)
    progress.say(agreement.sentence())
    text_files.write_json(folder / FILE, agreement)
    return tuple(score if score.answer is not None else readings.get(score.sample_id, score) for score in scores)


def _execute(judge: Judge, requests: Mapping[str, Request], folder: Path, progress: Progress) -> tuple[int, Log]:
    """Execute the requests, by sample id, where the judge has a model; return the number of calls and its log."""
    log = response_log.read_responses(folder, LOG)
    todo = plan.pending(Plan({name: (one,) for name, one in requests.items()}, {}), log)
    if not todo or judge.model is None or judge.engine is None:
        return 0, log
    with response_log.writer(folder, kind=LOG) as append, progress.task(len(todo)) as advance:

        def sink(responses: Sequence[Response]) -> None:
            append(responses)
            advance(responses)

        Stream(judge.engine(), batch=judge.model.batch, workers=judge.model.workers, sink=sink).run(todo)
    return len(todo), response_log.read_responses(folder, LOG)


def request(judge: Judge, task: TaskSpec, sample: Sample, reply: str) -> Request:
    """The request to the judge about one reply: text only, with a key like any other. Raises EvalkitError."""
    judge_prompt = prompt_for(task, sample)
    values = {**sample.extra, "question": sample.question, "options": option_lines(sample, "{letter}. {text}")}
    try:
        text = template.fill(judge_prompt.prompt, {**values, "reply": reply, "none": judge_prompt.none})
    except KeyError as error:
        raise EvalkitError(
            f"task {task.name}: judge.prompt wants {{{error.args[0]}}}, which columns.extra lacks"
        ) from None
    except ValueError as error:
        raise EvalkitError(f"task {task.name}: judge.prompt: {error}") from None
    messages = (Message("user", (Text(template.IMAGE_PLACEHOLDER.sub(r"(picture \1)", text)),)),)
    generation = Generation(max_new_tokens=judge_prompt.max_new_tokens)
    key = plan.key(judge.identity, messages, generation, sample=(sample.id, 0))
    return Request(key=key, sample_id=sample.id, view=0, messages=messages, generation=generation)


def prompt_for(task: TaskSpec, sample: Sample) -> JudgePrompt:
    """The task's own prompt for a judge, else the one for the sample's kind of answer."""
    if task.judge is not None:
        return task.judge
    if sample.choices:
        return OPTION
    return YES_NO if isinstance(task.adapter, YesNo) else ANSWER


def _reading(judge: Judge, task: TaskSpec, sample: Sample, response: Response | None) -> Score:
    """The score of the judge's answer by the rule of the task; without an answer where the judge found none."""
    text = "" if response is None else split_thought(response.text).text.strip("\"'`*. ")
    adapter = task.adapter.with_rule(LetterRule()) if sample.choices else task.adapter
    score = msgspec.structs.replace(
        adapter.score(sample, [text]), cluster=sample.cluster, step="read by the judge model"
    )
    if response is None or response.error is not None:
        reason = "it has not been asked about this reply" if response is None else response.error
        problem = f"judge {judge.name}: {reason}; run again with --judge {judge.name}"
        return msgspec.structs.replace(score, answer=None, value=0.0, error=problem)
    if not text or text.upper() == prompt_for(task, sample).none.upper():
        return msgspec.structs.replace(score, answer=None, value=0.0)
    return score


def _agreement(judge: Judge, scores: Sequence[Score], readings: Mapping[str, Score], *, calls: int) -> Agreement:
    pairs = [(score, readings[score.sample_id]) for score in scores if score.sample_id in readings]
    read = [(score, reading) for score, reading in pairs if reading.answer is not None]
    both = [(score, reading) for score, reading in read if score.answer is not None]
    differing = [score.sample_id for score, reading in both if score.answer != reading.answer]
    return Agreement(
        judge=judge.name,
        identity=judge.identity,
        asked=len(pairs),
        read=len(read),
        resolved=len(read) - len(both),
        agree=len(both) - len(differing),
        differ=len(differing),
        failed=sum(reading.error is not None for _, reading in pairs),
        calls=calls,
        examples=tuple(differing[:20]),
    )
