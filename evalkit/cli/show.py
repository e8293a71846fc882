"""`evalkit show`: a task or a model as its file and what it extends say it, or a run's sample from prompt to score."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from evalkit.cli.setup import data_places, task_places
from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.decode import suggestion
from evalkit.registry.dump import dump
from evalkit.registry.spec import ModelSpec, TaskSpec
from evalkit.registry.yaml12 import Document
from evalkit.reporting import read_runs
from evalkit.results.run import Run
from evalkit.results.settings import reported_settings
from evalkit.rules.thoughts import split_thought
from evalkit.run import dataset
from evalkit.safe_text import one_line, visible
from evalkit.types import Image, Message, Sample, Score, Text

IDENTITY = ("name", "title", "backend")
LONG = 20_000
"""Characters of a reply that are printed; the log has all of them."""


def main(options: argparse.Namespace) -> int:
    """Print a task, a model or a run, and a sample of it; control characters of data and models are escaped."""
    return {"task": _task, "model": _model, "run": _run}[options.kind](options)


def _task(options: argparse.Namespace) -> int:
    """The file needs no data. Without --sample, one is shown if the data are on this machine."""
    document = load.document(TaskSpec, load.path(TaskSpec, options.name))
    task = load.spec_of(TaskSpec, document)
    print(f"# {task.name}: {task.title.en}; {task.samples} samples; headline {task.headline}")
    print("\n".join(task_comments(task)))
    print(visible(file_text(document)), end="")
    required = options.sample is not None or options.annotations is not None
    try:
        _sample(task, options, offline=options.offline or not required)
    except EvalkitError as error:
        if required:
            raise
        print(f"evalkit: no sample to show: {error}", file=sys.stderr)
    return 0


def task_comments(task: TaskSpec) -> Iterator[str]:
    """The settings that a task file may leave to their defaults, and the names that other verbs take, as comments."""
    rules = f"; others by --rule: {', '.join(task.rule_names)}" if task.rule_names else ""
    yield f"# rule in force: {_json(task.adapter.rule)}{rules}"
    yield f"# generation in force: {_json(task.generation)}"
    for field, rule in task.readings.items():
        yield f"# field {field} of a predictions file: read by the rule {rule}"


def file_text(document: Document) -> str:
    """The path of the file and of the one that it extends, as comments, then the YAML that results."""
    paths = dict.fromkeys([document.file, *(mark.file for mark in document.marks.values())])
    return f"# file: {', extends '.join(map(str, paths))}\n{dump(document)}"


def _sample(task: TaskSpec, options: argparse.Namespace, *, offline: bool) -> None:
    places = msgspec.structs.replace(task_places(data_places(options), options.name), offline=offline)
    data = dataset.load(task, places, annotations=options.annotations)
    sample = data.samples[_position([s.id for s in data.samples], options.sample, task.name)]
    if sample.id in data.problems:
        raise EvalkitError(f"{task.name}: sample {sample.id} cannot be asked: {data.problems[sample.id]}")
    print(f"\nsample {visible(sample.id)}  groups {dict(sample.groups)}  gold {visible(' | '.join(sample.answers))}")
    for view, prompt in enumerate(task.adapter.prompts(sample)):
        print(f"--- prompt {view}")
        print("\n".join(prompt_lines(prompt)))
    print(f"--- a perfect model says\n{task.adapter.gold(sample)}")


def _model(options: argparse.Namespace) -> int:
    """Print the model file; for a checkpoint folder or a hub id, one with the same content."""
    model = load.model(options.name)
    print(f"# {visible(model.name)}{f': {visible(model.title)}' if model.title else ''}")
    print(f"# backend in force: {visible(_json(model.backend))}")
    print(f"# scheduling in force: {_json(scheduling(model))}")
    if load.has_file(options.name):
        print(visible(file_text(load.document(ModelSpec, load.path(ModelSpec, options.name)))), end="")
    else:
        print(visible(dump(Document(Path(), msgspec.to_builtins(model), {}))), end="")
    return 0


def scheduling(model: ModelSpec) -> dict[str, object]:
    """The fields of a model outside its identity, by name."""
    return {name: value for name, value in msgspec.structs.asdict(model).items() if name not in IDENTITY}


def _json(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)


def _run(options: argparse.Namespace) -> int:
    run = _only_run(Path(options.name), data_places(options))
    model, task, scores = run.record.model.name, run.record.task.name, run.scores
    score = scores[_position([s.sample_id for s in scores], options.sample, f"{model} on {task}")]
    if run.changed:
        print("The data differ from those that the run was made on; replies to changed prompts are not found.")
    print(f"{visible(model)} on {task}, sample {visible(score.sample_id)}  groups {dict(score.groups)}")
    for line in sample_lines(run, score):
        print(line)
    return 0


def sample_lines(run: Run, score: Score) -> Iterator[str]:
    """Prompt, reply, the answer that each rule extracts, gold, score and key, as lines that are safe to print."""
    sample = run.sample(score.sample_id)
    pairs = run.replies(score.sample_id)
    for request, response in pairs:
        view = f" {request.view}" if len(pairs) > 1 else ""
        yield f"--- prompt{view}"
        yield from prompt_lines(request.messages)
        yield f"--- reply{view}"
        yield "(none in the log)" if response is None else _reply(response.text)
        if response is not None:
            seconds = f", {response.seconds:.3g} s" if response.seconds else ""
            tokens = f", {response.tokens} tokens" if response.tokens else ""
            yield f"({response.finish}{tokens}{seconds}, key {response.key})"
            yield from _reply_to_rules(response.text)
    yield f"--- gold\n{visible(' | '.join(sample.answers))}"
    yield "--- read as"
    yield from _rule_lines(run, sample, score)
    if score.error is not None:
        yield f"--- failed\n{visible(score.error)}"
    policy = ", by the policy for unparsed replies" if score.fallback else ""
    yield f"--- score\n{score.value:g} (rule {run.record.scoring.rule}{policy})"


def _reply(text: str) -> str:
    return visible(text) if len(text) <= LONG else f"{visible(text[:LONG])}... ({len(text)} characters)"


def _reply_to_rules(text: str) -> Iterator[str]:
    """The reply without its thought, where it has one."""
    reply = split_thought(text)
    if reply.cut_off:
        yield f"(cut off in its thought; rules read {one_line(reply.text)!r})"
    elif reply.thought:
        yield f"(its thought of {len(reply.thought)} characters taken off, rules read {one_line(reply.text)!r})"


def _rule_lines(run: Run, sample: Sample, score: Score) -> Iterator[str]:
    """A line per rule of the task with its answer and the step that decided, the score's own rule first."""
    own, pairs, adapter = run.record.scoring.rule, run.replies(sample.id), run.task.adapter
    replies = [
        split_thought(response.text).text for _, response in pairs if response is not None and not response.error
    ]
    whole = bool(replies) and len(replies) == len(pairs)
    yield _rule_line(reported_settings(run).rule or own, score)
    for name, rule in run.task.rules.items() if whole else ():
        if name != own:
            other, kind = adapter.with_rule(rule), msgspec.to_builtins(rule)["kind"]
            yield _rule_line(f"{name} ({kind})", other.score(sample, replies))


def _rule_line(rule: str, score: Score) -> str:
    answer = "nothing" if score.answer is None else repr(one_line(score.answer))
    step = f"  ({one_line(score.step)})" if score.step else ""
    return f"{rule:<24} {answer:<20} {score.value:g}{step}"


def _only_run(folder: Path, places: DataPlaces) -> Run:
    runs = read_runs([folder], places)
    if len(runs) > 1:
        raise EvalkitError(f"{folder} holds {len(runs)} runs; name one of them, such as {runs[0].folder}")
    return runs[0]


def _position(ids: Sequence[str], sample_id: str | None, name: str) -> int:
    """The position of a sample, by default the first; `name` is that of its task or run. Raises EvalkitError."""
    if sample_id is None and ids:
        return 0
    if sample_id not in ids:
        raise EvalkitError(f"{name} has no sample {sample_id or ''!r}{suggestion(sample_id or '', ids)}")
    return ids.index(sample_id)


def prompt_lines(prompt: tuple[Message, ...]) -> Iterator[str]:
    """A prompt for a reader: text with its control characters made visible, media as their path in brackets."""
    for message in prompt:
        yield f"[{message.role}]"
        for part in message.parts:
            if isinstance(part, Text):
                yield visible(part.text)
            else:
                yield f"[{'picture' if isinstance(part, Image) else 'video'} {part.path}]"
