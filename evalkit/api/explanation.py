"""The same replies under every rule of a task: the scores of each, and the samples on which they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from evalkit.api.inputs import TaskLike
from evalkit.api.scoring import Predictions, current_run, score
from evalkit.data.sources.memory import Rows
from evalkit.results.run import Run
from evalkit.run.progress import SilentProgress
from evalkit.types import Score

if TYPE_CHECKING:
    from pandas import DataFrame


class Disagreement(msgspec.Struct, frozen=True):
    """One sample that a rule scores differently from the task's default rule."""

    sample: str
    reply: str
    target: str
    default: str | None
    default_value: float
    default_step: str
    answer: str | None
    value: float
    step: str


class Explanation(msgspec.Struct, frozen=True):
    """A run under its task's default rule and under all others, by the rule's name, with the replies by sample id."""

    default: Run
    others: Mapping[str, Run]
    replies: Mapping[str, str]

    @property
    def disagreements(self) -> dict[str, list[Disagreement]]:
        """By rule: the samples whose value differs from the default's, in their order."""
        default = self.default.scores
        return {name: disagreements(default, other.scores, self.replies) for name, other in self.others.items()}

    def frame(self) -> DataFrame:
        """A row per rule, the default first: rule, headline value (as a fraction), n, unparsed, disagreements."""
        import pandas

        differing = {name: len(samples) for name, samples in self.disagreements.items()}
        runs = {"default": self.default, **self.others}
        return pandas.DataFrame.from_records(
            [
                {
                    "rule": name,
                    "value": run.headline.value if run.headline else None,
                    "n": run.record.scoring.counts.planned,
                    "unparsed": run.record.scoring.counts.unparsed,
                    "disagreements": differing.get(name, 0),
                }
                for name, run in runs.items()
            ]
        )


def explain(
    run: Run | str | Path | TaskLike,
    predictions: Predictions | None = None,
    *,
    field: str = "prediction",
    data: Iterable[str | Path] = (),
    annotations: str | Path | None = None,
    rows: Rows | None = None,
    cache: str | Path | None = None,
    notify: Callable[[str], None] = lambda sentence: None,
) -> Explanation:
    """Every rule of a task on the same replies: those of a run (or its folder), or `predictions` for a task.

    No model is called and nothing is written. `notify` is as for `score`. Raises EvalkitError.
    """
    if predictions is not None:
        scored = score(
            run,  # type: ignore[arg-type]  # with predictions it is a task
            predictions,
            field=field,
            data=data,
            annotations=annotations,
            rows=rows,
            cache=cache,
            notify=notify,
        )
        return explain_run(scored)
    return explain_run(current_run(run if isinstance(run, Run) else Run.load(str(run), data=data, cache=cache)))


def explain_run(run: Run) -> Explanation:
    """The explanation of a run under its task."""
    task, quiet = run.task, SilentProgress()
    default = Run.of(run.rescored(task, progress=quiet), task, run.places)
    others = {
        name: Run.of(run.rescored(task.with_rule(name), rule=name, progress=quiet), task.with_rule(name), run.places)
        for name in task.rule_names
    }
    replies = {
        score.sample_id: " | ".join(reply.text for _, reply in run.replies(score.sample_id) if reply)
        for score in default.scores
    }
    return Explanation(default, others, replies)


def disagreements(default: Sequence[Score], others: Sequence[Score], replies: Mapping[str, str]) -> list[Disagreement]:
    """Samples whose value differs, in their order."""
    return [
        Disagreement(
            sample=a.sample_id,
            reply=replies.get(a.sample_id, ""),
            target=a.target,
            default=a.answer,
            default_value=a.value,
            default_step=a.step,
            answer=b.answer,
            value=b.value,
            step=b.step,
        )
        for a, b in zip(default, others, strict=True)
        if a.value != b.value
    ]
