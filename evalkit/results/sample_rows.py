"""The rows of a run's DataFrame: a sample with its score and its replies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from evalkit.types import Request, Response, Sample, Score


def sample_rows(
    scores: Iterable[Score],
    samples: Mapping[str, Sample],
    replies: Callable[[str], Sequence[tuple[Request, Response | None]]],
) -> Iterator[dict[str, object]]:
    """A row per score; without its sample, question and reply are None. `replies` takes a sample's id."""
    for score in scores:
        sample = samples.get(score.sample_id)
        texts = [reply.text for _, reply in replies(score.sample_id) if reply] if sample else []
        yield {
            "sample_id": score.sample_id,
            **{f"group.{name}": value for name, value in score.groups.items()},
            "question": sample.question if sample else None,
            "reply": "\n\n".join(texts) if texts else None,
            "target": score.target,
            "answer": score.answer,
            "value": score.value,
            "step": score.step,
            "error": score.error,
        }
