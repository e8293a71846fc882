"""`evalkit show`: a task or a model as its file and what it extends say it, or a run's sample from prompt to score."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from evalkit.cli.setup import beside, places
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
"""Characters of a reply that a terminal is given; the log has all of them."""


def main(options: argparse.Namespace) -> int:
    """Print a task, a model or a run, and a sample of it; text from data and models steers no terminal."""
    return {"task": _task, "model": _model, "run": _run}[options.kind](options)


def _task(options: argparse.Namespace) -> int:
    """The file needs no data. A sample that nobody named is taken from data on this machine; its lack is no error."""
    document = load.document(TaskSpec, load.path(TaskSpec, options.name))
    task = load.spec_of(TaskSpec, document)
    print(f"# {task.name}: {task.title.en}; {task.samples} samples; headline {task.headline}")
    print("\n".join(task_comments(task)))
    print(visible(file_text(document)), end="")
    wanted = options.sample is not None or options.annotations is not None
    try:
        _sample(task, options, offline=options.offline or not wanted)
    except EvalkitError as error:
        if wanted:
            raise
        print(f"evalkit: no sample to show: {error}", file=sys.stderr)
    return 0


def task_comments(task: TaskSpec) -> Iterator[str]:
    """The settings that a task file may leave to their defaults, and the names that other verbs take, as comments."""
    rules = f"; others by --rule: {', '.join(task.opinions)}" if task.opinions else ""
    yield f"# rule in force: {_json(task.adapter.rule)}{rules}"
    yield f"# generation in force: {_json(task.generation)}"
    for field, rule in task.readings.items():
        yield f"# field {field} of a predictions file: read by the rule {rule}"


def file_text(document: Document) -> str:
    """The path of the file and of the one that it extends, as comments, then the YAML that results."""
    paths = dict.fromkeys([document.file, *(mark.file for mark in document.marks.values())])
    return f"# file: {', extends '.join(map(str, paths))}\n{dump(document)}"


def _sample(task: TaskSpec, options: argparse.Namespace, *, offline: bool) -> None:
    where = msgspec.structs.replace(beside(places(options), options.name), offline=offline)
    data = dataset.load(task, where, annotations=options.annotations)
    sample = data.samples[_place([s.id for s in data.samples], options.sample, task.name)]
    if sample.id in data.problems:
        raise EvalkitError(f"{task.name}: sample {sample.id} cannot be asked: {data.problems[sample.id]}")
    print(f"\nsample {visible(sample.id)}  groups {dict(sample.groups)}  gold {visible(' | '.join(sample.answers))}")
    for view, prompt in enumerate(task.adapter.prompts(sample)):
        print(f"--- prompt {view}")
        print("\n".join(lines(prompt)))
    print(f"--- a perfect model says\n{task.adapter.gold(sample)}")


def _model(options: argparse.Namespace) -> int:
    """A checkpoint folder or a hub id has no file: the one that would say the same is printed."""
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
    result = _only(Path(options.name), places(options))
    found = result
    run = result.record
    scores = found.scores
    score = scores[_place([s.sample_id for s in scores], options.sample, f"{run.model.name} on {run.task.name}")]
    if found.changed:
        print("The data differ from those that the run was made on; replies to changed prompts are not found.")
    print(
        f"{visible(run.model.name)} on {run.task.name}, sample {visible(score.sample_id)}  groups {dict(score.groups)}"
    )
    for line in sample_lines(found, score):
        print(line)
    return 0


def sample_lines(found: Run, score: Score) -> Iterator[str]:
    """Prompt, reply, what each rule reads in it, gold, score and key, as lines that are safe to print."""
    sample = found.sample(score.sample_id)
    asked = found.replies(score.sample_id)
    for request, response in asked:
        view = f" {request.view}" if len(asked) > 1 else ""
        yield f"--- prompt{view}"
        yield from lines(request.messages)
        yield f"--- reply{view}"
        yield "(none in the log)" if response is None else _reply(response.text)
        if response is not None:
            seconds = f", {response.seconds:.3g} s" if response.seconds else ""
            tokens = f", {response.tokens} tokens" if response.tokens else ""
            yield f"({response.finish}{tokens}{seconds}, key {response.key})"
            yield from _reply_to_rules(response.text)
    yield f"--- gold\n{visible(' | '.join(sample.answers))}"
    yield "--- read as"
    yield from _opinions(found, sample, score)
    if score.error is not None:
        yield f"--- failed\n{visible(score.error)}"
    policy = ", by the policy for unparsed replies" if score.fallback else ""
    yield f"--- score\n{score.value:g} (rule {found.record.scoring.rule}{policy})"


def _reply(text: str) -> str:
    return visible(text) if len(text) <= LONG else f"{visible(text[:LONG])}... ({len(text)} characters)"


def _reply_to_rules(text: str) -> Iterator[str]:
    """The reply without its thought, where it has one."""
    reply = split_thought(text)
    if reply.cut_off:
        yield f"(cut off in its thought; rules read {one_line(reply.text)!r})"
    elif reply.thought:
        yield f"(its thought of {len(reply.thought)} characters taken off, rules read {one_line(reply.text)!r})"


def _opinions(found: Run, sample: Sample, score: Score) -> Iterator[str]:
    """Yield the answer that every rule of the task reads and the step that decided, the score's own rule first."""
    own, asked, adapter = found.record.scoring.rule, found.replies(sample.id), found.task.adapter
    replies = [
        split_thought(response.text).text for _, response in asked if response is not None and not response.error
    ]
    whole = bool(replies) and len(replies) == len(asked)
    yield _opinion(reported_settings(found).rule or own, score)
    for name, rule in found.task.rules.items() if whole else ():
        if name != own:
            other, kind = adapter.with_rule(rule), msgspec.to_builtins(rule)["kind"]
            yield _opinion(f"{name} ({kind})", other.score(sample, replies))


def _opinion(rule: str, score: Score) -> str:
    answer = "nothing" if score.answer is None else repr(one_line(score.answer))
    step = f"  ({one_line(score.step)})" if score.step else ""
    return f"{rule:<24} {answer:<20} {score.value:g}{step}"


def _only(folder: Path, places: DataPlaces) -> Run:
    found = read_runs([folder], places)
    if len(found) > 1:
        raise EvalkitError(f"{folder} holds {len(found)} runs; name one of them, such as {found[0].folder}")
    return found[0]


def _place(ids: Sequence[str], wanted: str | None, where: str) -> int:
    """Where the wanted sample stands, by default the first."""
    if wanted is None and ids:
        return 0
    if wanted not in ids:
        raise EvalkitError(f"{where} has no sample {wanted or ''!r}{suggestion(wanted or '', ids)}")
    return ids.index(wanted)


def lines(prompt: tuple[Message, ...]) -> Iterator[str]:
    """A prompt for a reader: text with its control characters made visible, media as their path in brackets."""
    for message in prompt:
        yield f"[{message.role}]"
        for part in message.parts:
            if isinstance(part, Text):
                yield visible(part.text)
            else:
                yield f"[{'picture' if isinstance(part, Image) else 'video'} {part.path}]"
