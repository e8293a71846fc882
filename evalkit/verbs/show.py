"""`evalkit show task`: what a task is, and one sample as a model is asked it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from evalkit import dataset, registry
from evalkit.decode import suggestion
from evalkit.spec import TaskSpec
from evalkit.types import EvalkitError, Image, Message, Sample, Text
from evalkit.verbs.setup import beside, places


def main(options: argparse.Namespace) -> int:
    """Print the task's facts, then the sample's prompt with the places of its media, its gold and its groups."""
    task = registry.load(TaskSpec, options.name)
    print(f"{task.name}: {task.title.en}; {task.samples} samples; headline {task.headline}")
    if task.note:
        print(task.note)
    data = dataset.load(task, beside(places(options), options.name), annotations=options.annotations)
    sample = _find(data.samples, options.sample, task.name)
    print(f"\nsample {sample.id}  groups {dict(sample.groups)}  gold {' | '.join(sample.answers)}")
    if sample.id in data.problems:
        raise EvalkitError(f"{task.name}: sample {sample.id} cannot be asked: {data.problems[sample.id]}")
    for view, prompt in enumerate(task.adapter.prompts(sample)):
        print(f"--- prompt {view}")
        print("\n".join(lines(prompt)))
    print(f"--- a perfect model says\n{task.adapter.gold(sample)}")
    return 0


def _find(samples: tuple[Sample, ...], wanted: str | None, task: str) -> Sample:
    for sample in samples:
        if wanted is None or sample.id == wanted:
            return sample
    hint = suggestion(wanted or "", [s.id for s in samples])
    raise EvalkitError(f"{task} has no sample {wanted!r}{hint}")


def lines(prompt: tuple[Message, ...]) -> Iterator[str]:
    """A prompt for a reader: text as it is, media as their path in brackets."""
    for message in prompt:
        yield f"[{message.role}]"
        for part in message.parts:
            if isinstance(part, Text):
                yield part.text
            else:
                yield f"[{'picture' if isinstance(part, Image) else 'video'} {part.path}]"
