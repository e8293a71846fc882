"""What the difference is made of: samples that turned wrong or right, with their prompt and both replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from evalkit.comparison import runs
from evalkit.comparison.verdict import Comparison, Flip, Line
from evalkit.data.sources import Places
from evalkit.errors import EvalkitError
from evalkit.registry.spec import TaskSpec
from evalkit.results.read import Result, read_results
from evalkit.run import dataset, plan, response_log
from evalkit.types import Request, Score, Text


def collected(comparison: Comparison, count: int, places: Places) -> tuple[dict[str, list[Flip]], list[str]]:
    """Task -> up to `count` samples that turned wrong and as many that turned right, and what could not be shown.

    Prompts and replies are looked up in the recorded data and logs; nothing is downloaded. `places` tells the media
    cache and the bundled data.
    """
    found: dict[str, list[Flip]] = {}
    notes = []
    for line in comparison.lines:
        wanted = [*line.turned_wrong[:count], *line.turned_right[:count]]
        if wanted and line.base.folder:
            found[line.task] = _answers(line, wanted)
            try:
                found[line.task] = _with_replies(line, found[line.task], places)
            except (EvalkitError, msgspec.ValidationError) as error:
                notes.append(f"{line.task}: prompts and replies cannot be shown ({error}).")
    return found, notes


def _answers(line: Line, wanted: Sequence[str]) -> list[Flip]:
    before, after = (_scores(_result(side.folder)) for side in (line.base, line.candidate))
    return [
        Flip(
            sample_id=name,
            turned="wrong" if name in line.turned_wrong else "right",
            target=after[name].target,
            base_answer=before[name].answer,
            candidate_answer=after[name].answer,
        )
        for name in wanted
    ]


def _with_replies(line: Line, flips: Sequence[Flip], places: Places) -> list[Flip]:
    names = [flip.sample_id for flip in flips]
    before, after = (_evidence(_result(side.folder), names, places) for side in (line.base, line.candidate))
    return [
        msgspec.structs.replace(
            flip,
            prompt=after[flip.sample_id][0],
            base_reply=before[flip.sample_id][1],
            candidate_reply=after[flip.sample_id][1],
        )
        for flip in flips
    ]


def _evidence(result: Result, names: Sequence[str], places: Places) -> dict[str, tuple[str, str]]:
    """Sample id -> prompt and reply, from the data that the record names; several prompts of a sample are joined."""
    run = result.run
    task = msgspec.convert(run.task_spec, TaskSpec)
    where = msgspec.structs.replace(
        places, mirrors=tuple(map(Path, run.mirrors)), folder=Path(run.task_folder), offline=True
    )
    media = run.identity.get("kind") != "replay"  # recorded replies were imported without pictures
    data = dataset.load(task, where, annotations=Path(run.annotations) if run.annotations else None, media=media)
    samples = [sample for sample in data.samples if sample.id in set(names)]
    blind = bool(run.model_spec.get("blind")) or not media
    planned = plan.requests(task, run.identity, samples, problems=data.problems, blind=blind)
    log = response_log.read(Path(result.folder))
    found = dict.fromkeys(names, ("", ""))
    for name, requests in planned.requests.items():
        prompts = ["\n".join(_said(request)) for request in requests]
        replies = [log.responses[r.key].text for r in requests if r.key in log.responses]
        found[name] = ("\n\n".join(prompts), "\n\n".join(replies))
    return found


def _said(request: Request) -> Iterator[str]:
    for message in request.messages:
        for part in message.parts:
            yield part.text if isinstance(part, Text) else f"[{_named(Path(part.path).name)}]"


def _named(file: str) -> str:
    """A file's name; the long ones are digests in the media cache, of which a reader needs the start."""
    return file if len(file) <= 40 else f"picture {file[:12]}"


def _result(folder: str) -> Result:
    return next(result for result in read_results([Path(folder)]) if result.folder == folder)


def _scores(result: Result) -> Mapping[str, Score]:
    return {score.sample_id: score for score in runs.scores(result)}
