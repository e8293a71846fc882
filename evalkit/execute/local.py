"""Run requests in this process and append every reply to the log as soon as it exists."""

from __future__ import annotations

from collections.abc import Sequence
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
    """What a call did: requests put to the model, and the seconds the model itself was at it."""

    calls: int
    busy: float


def local(engine: Engine[Any], todo: Sequence[Request], folder: Path, *, model: ModelSpec, progress: Progress) -> Work:
    """Ask `todo` in its order. Whatever stops this, the replies so far are in the folder's log."""
    with store.writer(folder) as append, progress.task(len(todo)) as advance:

        def sink(responses: Sequence[Response]) -> None:
            append(responses)
            advance(responses)

        stream = Stream(engine, batch=model.batch, workers=model.workers, sink=sink)
        stream.run(todo)
    return Work(len(todo), stream.busy)
