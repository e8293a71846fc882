"""The page of a task's samples: a short index, and the rest in compressed blocks that a browser opens one by one."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from evalkit.reporting.site import names
from evalkit.reporting.site.site import Frame, render
from evalkit.reporting.site.thumbnails import Thumbnails
from evalkit.results.trace import Trace
from evalkit.types import Message, Sample, Score, Text

EXCERPT = 160
BLOCK_SAMPLES, BLOCK_BYTES = 250, 400_000
"""A block ends at whichever comes first, so that opening one never takes long."""


def page(frame: Frame, task: str, traces: Sequence[Trace], *, media: Thumbnails, missing: Sequence[str]) -> str:
    """The page; `missing` says which runs' samples it cannot show, and why."""
    told = "{model}: the data have changed since the run"
    changed = [frame.say(told, model=t.result.column) for t in traces if t.changed]
    spec = traces[0].task if traces else None
    order = list(dict.fromkeys(score.sample_id for t in traces for score in t.scores))
    starts, blocks = _blocks(_details(order, traces, media))
    return render(
        "samples.html",
        frame,
        home="../",
        scripts=("page.js", "sample.js", "samples.js"),
        models=[names.model(t.result) for t in traces],
        task=task,
        title=spec.title.get(frame.language) if spec else task,
        count=len(order),
        licence=spec.license if spec else "",
        note=spec.note if spec else "",
        paper=spec.paper if spec and spec.paper.startswith(("https://", "http://")) else "",
        remarks=[*missing, *changed],
        index=_packed(_index(order, traces, starts)),
        blocks=blocks,
    )


def _index(order: Sequence[str], traces: Sequence[Trace], starts: Sequence[int]) -> dict[str, Any]:
    """What the list needs of every sample: columns of equal length, one mark per model and sample."""
    samples = {name: sample for t in reversed(traces) for name, sample in t.samples.items()}
    scores = [{score.sample_id: score for score in t.scores} for t in traces]
    groups = {name: [f"{k}={v}" for k, v in samples[name].groups.items()] if name in samples else [] for name in order}
    known = {group: n for n, group in enumerate(sorted({g for found in groups.values() for g in found}))}
    return {
        "models": [_model(t) for t in traces],
        "ids": order,
        "questions": [" ".join(samples[name].question.split())[:EXCERPT] if name in samples else "" for name in order],
        "marks": ["".join(mark(found.get(name)) for found in scores) for name in order],
        "groups": list(known),
        "members": [[known[g] for g in groups[name]] for name in order],
        "starts": starts,
    }


def _model(trace: Trace) -> dict[str, object]:
    run = trace.result.run
    return {
        "name": trace.result.column,
        "title": names.model(trace.result),
        "page": f"../{names.run(trace.result)}",
        "recorded": run.identity.get("kind") == "replay",
        "rule": f"{run.rule} ({trace.task.adapter.rule.__struct_config__.tag})",
    }


def mark(score: Score | None) -> str:
    """One character: right 1, wrong 0, in part p, unparsed u, failed e, not in the run -."""
    if score is None:
        return "-"
    if score.error is not None:
        return "e"
    if score.answer is None:
        return "u"
    return {1.0: "1", 0.0: "0"}.get(score.value, "p")


def _details(order: Sequence[str], traces: Sequence[Trace], media: Thumbnails) -> Iterator[bytes]:
    samples = [t.samples for t in traces]
    scores = [{score.sample_id: score for score in t.scores} for t in traces]
    for name in order:
        sample = next((found[name] for found in samples if name in found), None)
        prompts: list[Any] = []
        runs = [_run(t, found.get(name), sample, prompts) for t, found in zip(traces, scores, strict=True)]
        yield msgspec.json.encode(
            {
                "answers": sample.answers if sample else [],
                "choices": sample.choices if sample else [],
                "media": [media.of(m) for m in sample.media] if sample else [],
                "prompts": prompts,
                "runs": runs,
            }
        )


def _run(trace: Trace, score: Score | None, sample: Sample | None, prompts: list[Any]) -> dict[str, Any] | None:
    """One model's part; its prompts are kept once for all models that were asked the same."""
    if score is None:
        return None
    asked = trace.asked(score.sample_id)
    views = [[_message(message, sample) for message in request.messages] for request, _ in asked]
    if views and views not in prompts:
        prompts.append(views)
    return {
        "prompt": prompts.index(views) if views else None,
        "replies": [None if r is None else msgspec.to_builtins(r) for _, r in asked],
        "score": score,
    }


def _message(message: Message, sample: Sample | None) -> tuple[str, list[str | int]]:
    """Role and parts: a text, or the number of a picture or video of the sample."""
    places = {m: n for n, m in enumerate(sample.media)} if sample else {}
    return message.role, [part.text if isinstance(part, Text) else places[part] for part in message.parts]


def _blocks(details: Iterator[bytes]) -> tuple[list[int], list[str]]:
    """Number of each block's first sample, and the blocks themselves."""
    starts: list[int] = []
    blocks: list[str] = []
    held: list[bytes] = []
    for n, detail in enumerate(details):
        if held and (len(held) >= BLOCK_SAMPLES or sum(map(len, held)) + len(detail) > BLOCK_BYTES):
            blocks.append(_packed(held))
            held = []
        if not held:
            starts.append(n)
        held.append(detail)
    return starts, [*blocks, _packed(held)] if held else blocks


def _packed(value: Any) -> str:
    """JSON, compressed, in letters that no parser of HTML could take for markup."""
    data = b"[" + b",".join(value) + b"]" if isinstance(value, list) else msgspec.json.encode(value)
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()
