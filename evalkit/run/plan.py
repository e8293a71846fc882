"""Task x model x samples -> keyed requests, and those without an answer in the order of execution. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import msgspec

from evalkit import digest
from evalkit.adapters.template import IMAGE_PLACEHOLDER
from evalkit.errors import EvalkitError
from evalkit.registry.spec import TaskSpec
from evalkit.run.response_log import Log
from evalkit.types import Generation, Image, Media, Message, Request, Sample, Text, Video


class Plan(msgspec.Struct, frozen=True):
    """The requests of every sample in view order, by sample id, and the reason why other samples cannot be asked."""

    requests: Mapping[str, tuple[Request, ...]]
    problems: Mapping[str, str]

    @property
    def all(self) -> list[Request]:
        """Every request, in the order of the samples."""
        return [request for views in self.requests.values() for request in views]


def requests(
    task: TaskSpec,
    identity: Mapping[str, object],
    samples: Iterable[Sample],
    *,
    problems: Mapping[str, str] = {},
    blind: bool = False,
) -> Plan:
    """Prompts of all samples with their keys. `identity` is the backend's; `blind` drops every picture and video.

    A sample with a known problem, or whose prompt cannot be built, is listed in `problems` instead of being asked.
    """
    planned: dict[str, tuple[Request, ...]] = {}
    broken = dict(problems)
    for sample in samples:
        if sample.id in broken:
            continue
        try:
            prompts = task.adapter.prompts(_without_media(sample) if blind else sample)
        except (ValueError, EvalkitError) as error:
            broken[sample.id] = str(error)
            continue
        planned[sample.id] = tuple(
            _request(sample.id, view, prompt, identity=identity, generation=task.generation)
            for view, prompt in enumerate(prompts)
        )
    return Plan(planned, broken)


def key(
    identity: Mapping[str, object],
    messages: Sequence[Message],
    generation: Generation,
    *,
    sample: tuple[str, int] = ("", 0),
) -> str:
    """The sha256 over the canonical JSON of all that can change a reply; paths and scheduling are not in it.

    A backend that answers by sample and not by prompt (recorded replies, random choice) has `by_sample` in its
    identity; only then are the sample's id and view part of the key.
    """
    turns = [{"role": m.role, "parts": [_identity(p) for p in m.parts]} for m in messages]
    content = {"backend": identity, "messages": turns, "generation": generation}
    return digest.of({**content, "sample": sample} if identity.get("by_sample") else content)


def _request(
    sample_id: str, view: int, messages: tuple[Message, ...], *, identity: Mapping[str, object], generation: Generation
) -> Request:
    return Request(
        key=key(identity, messages, generation, sample=(sample_id, view)),
        sample_id=sample_id,
        view=view,
        messages=messages,
        generation=generation,
    )


def _identity(part: Text | Media) -> object:
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Image):
        return {"image": part.digest, "decoding": part.decoding}
    return {"video": part.digest, "frames": part.frames}


def _without_media(sample: Sample) -> Sample:
    """The sample as a blind model sees it: image placeholders vanish from the text with the images."""
    return msgspec.structs.replace(
        sample,
        media=(),
        question=IMAGE_PLACEHOLDER.sub("", sample.question),
        choices=tuple(IMAGE_PLACEHOLDER.sub("", c) for c in sample.choices),
        extra={
            name: IMAGE_PLACEHOLDER.sub("", value) if isinstance(value, str) else value
            for name, value in sample.extra.items()
        },
    )


def pending(planned: Plan, log: Log) -> list[Request]:
    """Requests without an answer, equal ones once, costliest first; those with the same leading media in a row."""
    todo: dict[str, Request] = {}
    for request in planned.all:
        if not log.answered(request.key):
            todo.setdefault(request.key, request)
    families: dict[object, list[Request]] = {}
    for request in todo.values():
        families.setdefault(_family(request), []).append(request)
    ordered = sorted(families.values(), key=lambda family: -max(map(cost, family)))
    return [request for family in ordered for request in sorted(family, key=lambda r: -cost(r))]


def units(todo: Iterable[Request], *, least: int = 1) -> list[list[Request]]:
    """Cut the result of `pending` into units for workers, of `least` requests or more; equal leading media in one."""
    pieces: list[list[Request]] = []
    for _, family in groupby(todo, key=_family):
        if not pieces or len(pieces[-1]) >= least:
            pieces.append([])
        pieces[-1].extend(family)
    return pieces


def _family(request: Request) -> object:
    return prefix(request) or request.key


def prefix(request: Request) -> tuple[str, ...]:
    """Digests of the media that open the prompt, before any text; prompts that share them can share the encoding."""
    digests: list[str] = []
    for part in (p for m in request.messages for p in m.parts):
        if isinstance(part, Text):
            break
        digests.append(digest.of(_identity(part)))
    return tuple(digests)


def cost(request: Request) -> int:
    """A rough length in tokens, for ordering only: 256 for a picture or frame, a quarter of the characters of text."""
    total = 0
    for part in (p for m in request.messages for p in m.parts):
        if isinstance(part, Video):
            total += 256 * part.frames.count
        else:
            total += 256 if isinstance(part, Image) else len(part.text) // 4
    return total
