"""The samples that turned wrong or right between two runs, with their prompt and both replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from evalkit.comparison.values import Comparison, Flip, Line
from evalkit.errors import EvalkitError
from evalkit.results.run import Run
from evalkit.types import Request, Text


def with_flips(comparison: Comparison, ours: Mapping[str, Run], theirs: Mapping[str, Run], *, count: int) -> Comparison:
    """The comparison with up to `count` samples that turned wrong and as many that turned right beside each task.

    Prompts and replies come from the data and logs that the runs name; a note says where they cannot be read.
    """
    lines, notes = [], list(comparison.notes)
    for line in comparison.lines:
        names = [*line.turned_wrong[:count], *line.turned_right[:count]]
        if names and line.task in ours:
            base, candidate = ours[line.task], theirs[line.task]
            flips = _answers(line, names, base, candidate)
            try:
                flips = [_with_replies(flip, base, candidate) for flip in flips]
            except EvalkitError as error:
                notes.append(f"{line.task}: prompts and replies cannot be shown ({error}).")
            lines.append(msgspec.structs.replace(line, flips=tuple(flips)))
        else:
            lines.append(line)
    return msgspec.structs.replace(comparison, lines=tuple(lines), notes=tuple(notes))


def _answers(line: Line, names: Sequence[str], base: Run, candidate: Run) -> list[Flip]:
    before, after = ({score.sample_id: score for score in run.scores} for run in (base, candidate))
    return [
        Flip(
            sample_id=name,
            turned="wrong" if name in line.turned_wrong else "right",
            target=after[name].target,
            base_answer=before[name].answer,
            candidate_answer=after[name].answer,
        )
        for name in names
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
                name = Path(part.path).name  # a long one is a digest in the media cache, of which the start suffices
                yield f"[{name if len(name) <= 40 else f'picture {name[:12]}'}]"
