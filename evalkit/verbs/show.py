"""`evalkit show`: a task as a model is asked it, or a run's sample from the prompt to the score."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from evalkit import dataset, registry
from evalkit.decode import suggestion
from evalkit.report import read_results
from evalkit.report.results import Result
from evalkit.report.trace import Trace, trace
from evalkit.report.visible import one_line, visible
from evalkit.spec import TaskSpec
from evalkit.types import EvalkitError, Image, Message, Sample, Score, Text
from evalkit.verbs.setup import beside, places


def main(options: argparse.Namespace) -> int:
    """Print what a task or a run is, and one of its samples; text from data and models steers no terminal."""
    return _run(options) if options.kind == "run" else _task(options)


def _task(options: argparse.Namespace) -> int:
    task = registry.load(TaskSpec, options.name)
    print(f"{task.name}: {task.title.en}; {task.samples} samples; headline {task.headline}")
    if task.note:
        print(task.note)
    data = dataset.load(task, beside(places(options), options.name), annotations=options.annotations)
    sample = data.samples[_place([s.id for s in data.samples], options.sample, task.name)]
    print(f"\nsample {visible(sample.id)}  groups {dict(sample.groups)}  gold {visible(' | '.join(sample.answers))}")
    if sample.id in data.problems:
        raise EvalkitError(f"{task.name}: sample {sample.id} cannot be asked: {data.problems[sample.id]}")
    for view, prompt in enumerate(task.adapter.prompts(sample)):
        print(f"--- prompt {view}")
        print("\n".join(lines(prompt)))
    print(f"--- a perfect model says\n{task.adapter.gold(sample)}")
    return 0


def _run(options: argparse.Namespace) -> int:
    result = _only(Path(options.name))
    found = trace(result, places(options))
    run = result.run
    scores = found.scores
    score = scores[_place([s.sample_id for s in scores], options.sample, f"{run.model} on {run.task}")]
    if found.changed:
        print("The data differ from those that the run was made on; replies to changed prompts are not found.")
    print(f"{visible(run.model)} on {run.task}, sample {visible(score.sample_id)}  groups {dict(score.groups)}")
    for line in sample_lines(found, score):
        print(line)
    return 0


def sample_lines(found: Trace, score: Score) -> Iterator[str]:
    """Prompt, reply, what each rule reads in it, gold, score and key, as lines that are safe to print."""
    sample = found.samples[score.sample_id]
    asked = found.asked(score.sample_id)
    for request, response in asked:
        view = f" {request.view}" if len(asked) > 1 else ""
        yield f"--- prompt{view}"
        yield from lines(request.messages)
        yield f"--- reply{view}"
        yield "(none in the log)" if response is None else visible(response.text)
        if response is not None:
            seconds = f", {response.seconds:.3g} s" if response.seconds else ""
            yield f"({response.finish}, {response.tokens} tokens{seconds}, key {response.key})"
    yield f"--- gold\n{visible(' | '.join(sample.answers))}"
    yield "--- read as"
    yield from _opinions(found, sample, score)
    if score.error is not None:
        yield f"--- failed\n{visible(score.error)}"
    policy = ", by the policy for unparsed replies" if score.fallback else ""
    yield f"--- score\n{score.value:g} (rule {found.result.run.rule}{policy})"


def _opinions(found: Trace, sample: Sample, score: Score) -> Iterator[str]:
    """What every rule of the task reads in the reply, the one that the score is of first."""
    yield _opinion(found.result.run.rule, score)
    replies = [response.text for _, response in found.asked(sample.id) if response is not None and not response.error]
    if len(replies) != len(found.asked(sample.id)) or not replies:
        return
    for name, rule in found.task.rules.items():
        yield _opinion(name, found.task.adapter.with_rule(rule).score(sample, replies))


def _opinion(name: str, score: Score) -> str:
    read = "nothing" if score.answer is None else repr(one_line(score.answer))
    return f"{name:<12} {read:<20} {score.value:g}"


def _only(folder: Path) -> Result:
    found = read_results([folder])
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
