"""The page of a task's samples: a short list, and the rest in compressed blocks that a browser opens one by one."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from evalkit.reporting.fill import model_title
from evalkit.reporting.site.templates import SiteContext, render_page
from evalkit.reporting.site.thumbnails import Thumbnail, Thumbnails
from evalkit.reporting.site.urls import run_url
from evalkit.results.run import Run
from evalkit.types import Message, Response, Sample, Score, Text, Value

EXCERPT = 160
"""Characters of a question in the list."""
BLOCK_SAMPLES, BLOCK_BYTES = 250, 400_000
"""The most samples and the most bytes of a block, so that opening one never takes long."""

Turn: TypeAlias = tuple[str, list[str | int]]
"""A role and its parts: a text, or the number of a picture or video among the sample's media."""
Views: TypeAlias = list[list[Turn]]
"""All prompts that one model was sent for one sample."""


class ListedModel(Value, frozen=True, kw_only=True):
    """A model as the page names it, the address of its run, and the rule that read its replies."""

    name: str
    title: str
    page: str
    recorded: bool
    rule: str


class SampleList(Value, frozen=True, kw_only=True):
    """The list that is searched and filtered, as columns of one length with an entry per sample.

    `marks` has a character per model; `members` are indices into `groups`; `starts` is the first sample of each block.
    """

    models: tuple[ListedModel, ...]
    ids: tuple[str, ...]
    questions: tuple[str, ...]
    marks: tuple[str, ...]
    groups: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]


class SampleReplies(Value, frozen=True, kw_only=True):
    """One model's replies to a sample (None: not in the log), their score, and which of the prompts it was sent."""

    prompt: int | None
    replies: tuple[Response | None, ...]
    score: Score


class SampleDetail(Value, frozen=True, kw_only=True):
    """A sample as the page shows it when opened; `prompts` are distinct, `runs` has an entry per model."""

    answers: tuple[str, ...]
    choices: tuple[str, ...]
    media: tuple[tuple[Thumbnail, ...], ...]
    prompts: tuple[Views, ...]
    runs: tuple[SampleReplies | None, ...]


def samples_page(
    context: SiteContext, task: str, runs: Sequence[Run], *, media: Thumbnails, problems: Sequence[str]
) -> str:
    """Return the page; `problems` are sentences on runs whose samples it cannot show."""
    changed = "{model}: the data have changed since the run"
    problems = [*problems, *(context.translate(changed, model=run.column) for run in runs if run.changed)]
    spec = runs[0].task if runs else None
    ids = list(dict.fromkeys(score.sample_id for run in runs for score in run.scores))
    scores = [{score.sample_id: score for score in run.scores} for run in runs]
    samples = {id_: sample for run in reversed(runs) for id_, sample in run.samples.items()}
    starts, blocks = _blocks(msgspec.json.encode(_detail(id_, samples.get(id_), runs, scores, media)) for id_ in ids)
    return render_page(
        "samples.html",
        context,
        home="../",
        scripts=("page.js", "sample.js", "samples.js"),
        models=[model_title(run) for run in runs],
        task=task,
        title=spec.title.get(context.language) if spec else task,
        count=len(ids),
        licence=spec.license if spec else "",
        note=spec.note if spec else "",
        paper=spec.paper if spec and spec.paper.startswith(("https://", "http://")) else "",
        problems=problems,
        index=_compressed(msgspec.json.encode(_sample_list(ids, samples, runs, scores, starts))),
        blocks=blocks,
    )


def _sample_list(
    ids: Sequence[str],
    samples: Mapping[str, Sample],
    runs: Sequence[Run],
    scores: Sequence[Mapping[str, Score]],
    starts: Sequence[int],
) -> SampleList:
    listed = [samples.get(id_) for id_ in ids]
    members = [[f"{name}={value}" for name, value in s.groups.items()] if s else [] for s in listed]
    groups = sorted({group for names in members for group in names})
    numbers = {group: n for n, group in enumerate(groups)}
    return SampleList(
        models=tuple(map(_listed_model, runs)),
        ids=tuple(ids),
        questions=tuple(" ".join(s.question.split())[:EXCERPT] if s else "" for s in listed),
        marks=tuple("".join(_mark(by_id.get(id_)) for by_id in scores) for id_ in ids),
        groups=tuple(groups),
        members=tuple(tuple(numbers[group] for group in names) for names in members),
        starts=tuple(starts),
    )


def _listed_model(run: Run) -> ListedModel:
    return ListedModel(
        name=run.column,
        title=model_title(run),
        page=f"../{run_url(run)}",
        recorded=run.recorded,
        rule=f"{run.record.scoring.rule} ({run.task.adapter.rule.__struct_config__.tag})",
    )


def _mark(score: Score | None) -> str:
    """One character: 1 right, 0 wrong, p right in part, u unparsable, e failed, - not in the run."""
    if score is None:
        return "-"
    if score.error is not None:
        return "e"
    if score.answer is None:
        return "u"
    return {1.0: "1", 0.0: "0"}.get(score.value, "p")


def _detail(
    id_: str,
    sample: Sample | None,
    runs: Sequence[Run],
    scores: Sequence[Mapping[str, Score]],
    media: Thumbnails,
) -> SampleDetail:
    prompts: list[Views] = []  # each once, for all models that were sent the same
    replies: list[SampleReplies | None] = []
    for run, by_id in zip(runs, scores, strict=True):
        score = by_id.get(id_)
        if score is None:
            replies.append(None)
            continue
        exchanges = run.replies(id_)
        views = [[_turn(message, sample) for message in request.messages] for request, _ in exchanges]
        if views and views not in prompts:
            prompts.append(views)
        number = prompts.index(views) if views else None
        replies.append(SampleReplies(prompt=number, replies=tuple(reply for _, reply in exchanges), score=score))
    return SampleDetail(
        answers=sample.answers if sample else (),
        choices=sample.choices if sample else (),
        media=tuple(media.of(one) for one in sample.media) if sample else (),
        prompts=tuple(prompts),
        runs=tuple(replies),
    )


def _turn(message: Message, sample: Sample | None) -> Turn:
    numbers = {media: n for n, media in enumerate(sample.media)} if sample else {}
    return message.role, [part.text if isinstance(part, Text) else numbers[part] for part in message.parts]


def _blocks(details: Iterator[bytes]) -> tuple[list[int], list[str]]:
    """The index of each block's first sample, and the blocks: compressed JSON lists."""
    starts: list[int] = []
    blocks: list[list[bytes]] = []
    size = 0
    for n, detail in enumerate(details):
        if not blocks or len(blocks[-1]) >= BLOCK_SAMPLES or size + len(detail) > BLOCK_BYTES:
            starts.append(n)
            blocks.append([])
            size = 0
        blocks[-1].append(detail)
        size += len(detail)
    return starts, [_compressed(b"[" + b",".join(block) + b"]") for block in blocks]


def _compressed(data: bytes) -> str:
    """The data as gzip in base64, which no HTML parser could take for markup."""
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()
