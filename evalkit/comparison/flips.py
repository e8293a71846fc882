"""The samples that turned wrong or right between two runs, with their prompt and both replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from evalkit.comparison.values import Comparison, Flip, Line
from evalkit.errors import EvalkitError
from evalkit.results.run import Run
from evalkit.types import Request, Text


def with_flips(
    comparison: Comparison, base: Mapping[str, Run], candidate: Mapping[str, Run], *, count: int
) -> Comparison:
    """The comparison with up to `count` samples that turned wrong and as many that turned right beside each task.

    Prompts and replies come from the data and logs that the runs name; a note says where they cannot be read.
    """
    lines, notes = [], list(comparison.notes)
    for line in comparison.lines:
        sample_ids = [*line.turned_wrong[:count], *line.turned_right[:count]]
        if sample_ids and line.task in base:
            runs = base[line.task], candidate[line.task]
            flips = _flips(line, sample_ids, *runs)
            try:
                flips = [_with_replies(flip, *runs) for flip in flips]
            except EvalkitError as error:
                notes.append(f"{line.task}: prompts and replies cannot be shown ({error}).")
            lines.append(msgspec.structs.replace(line, flips=tuple(flips)))
        else:
            lines.append(line)
    return msgspec.structs.replace(comparison, lines=tuple(lines), notes=tuple(notes))


def _flips(line: Line, sample_ids: Sequence[str], base: Run, candidate: Run) -> list[Flip]:
    """The flips with their answers, but without prompt and replies, which need the data and the logs."""
    before, after = ({score.sample_id: score for score in run.scores} for run in (base, candidate))
    return [
        Flip(
            sample_id=sample_id,
            turned="wrong" if sample_id in line.turned_wrong else "right",
            target=after[sample_id].target,
            base_answer=before[sample_id].answer,
            candidate_answer=after[sample_id].answer,
        )
        for sample_id in sample_ids
    ]


def _with_replies(flip: Flip, base: Run, candidate: Run) -> Flip:
    return msgspec.structs.replace(
        flip,
        prompt="\n\n".join("\n".join(_prompt_lines(request)) for request in candidate.requests.get(flip.sample_id, ())),
        base_reply=_reply(base, flip.sample_id),
        candidate_reply=_reply(candidate, flip.sample_id),
    )


def _reply(run: Run, sample_id: str) -> str:
    """The reply to a sample; replies to several prompts are joined."""
    return "\n\n".join(response.text for _, response in run.replies(sample_id) if response is not None)


def _prompt_lines(request: Request) -> Iterator[str]:
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Text):
                yield part.text
            else:
                name = Path(part.path).name  # a long name is a digest of the media cache; its start suffices
                yield f"[{name if len(name) <= 40 else f'picture {name[:12]}'}]"
