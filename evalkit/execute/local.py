"""Run requests in this process and append every reply to the log as soon as it exists."""

from __future__ import annotations

import time
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit import store
from evalkit.backends.engine import Engine
from evalkit.execute.progress import Progress
from evalkit.spec import ModelSpec
from evalkit.stream import Stream
from evalkit.types import Request, Response


class Work(msgspec.Struct, frozen=True):
    """What a call did: requests put to the model, the seconds the model itself was at it, and the seconds in all."""

    calls: int = 0
    busy: float = 0.0
    seconds: float = 0.0

    @property
    def busy_percent(self) -> float:
        """The model's share of the time, 0 to 100."""
        return 100 * self.busy / self.seconds if self.seconds else 0.0


def local(
    engine: Engine[Any],
    todo: Sequence[Request],
    folder: Path,
    *,
    model: ModelSpec,
    progress: Progress,
    answers: MutableMapping[str, Response] | None = None,
) -> Work:
    """Ask `todo` in its order; answers, not errors, also go to `answers` by key.

    Whatever stops this, the replies so far are in the folder's log.
    """
    with store.writer(folder) as append, progress.task(len(todo)) as advance:

        def sink(responses: Sequence[Response]) -> None:
            append(responses)
            advance(responses)
            if answers is not None:
                answers.update({r.key: r for r in responses if r.error is None})

        begin = time.perf_counter()
        stream = Stream(engine, batch=model.batch, workers=model.workers, sink=sink)
        stream.run(todo)
        return Work(len(todo), stream.busy, time.perf_counter() - begin)


def reuse(responses: Sequence[Response], folder: Path) -> None:
    """Append replies that another task of the same model has got; they are facts about equal requests."""
    with store.writer(folder) as append:
        append(responses)
