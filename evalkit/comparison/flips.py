"""The samples that turned wrong or right between two runs, with their prompt and both replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from evalkit.comparison.values import Comparison, Flip, Line
from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError
from evalkit.results.run import Run
from evalkit.types import Request, Text


def collect_flips(comparison: Comparison, count: int, places: DataPlaces) -> tuple[dict[str, list[Flip]], list[str]]:
    """Task -> up to `count` samples that turned wrong and as many that turned right, and notes on missing replies.

    Prompts and replies are looked up in the recorded data and logs; nothing is downloaded. `places` names the media
    cache and the bundled data.
    """
    offline = msgspec.structs.replace(places, offline=True)
    flips: dict[str, list[Flip]] = {}
    notes = []
    for line in comparison.lines:
        names = [*line.turned_wrong[:count], *line.turned_right[:count]]
        if names and line.base.folder:
            base, candidate = (Run.read(Path(side.folder), offline) for side in (line.base, line.candidate))
            flips[line.task] = _answers(line, names, base, candidate)
            try:
                flips[line.task] = [_with_replies(flip, base, candidate) for flip in flips[line.task]]
            except EvalkitError as error:
                notes.append(f"{line.task}: prompts and replies cannot be shown ({error}).")
    return flips, notes


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
