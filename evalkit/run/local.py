"""Execute requests in this process, and append every reply to the log as soon as it exists."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from evalkit.run import response_log
from evalkit.run.batching import Stream
from evalkit.run.progress import Progress
from evalkit.run.session import Session
from evalkit.types import Request, Response


class CallTotals(msgspec.Struct, frozen=True):
    """Requests sent to models, the seconds spent inside the models, and the seconds in all."""

    calls: int = 0
    busy: float = 0.0
    seconds: float = 0.0

    @property
    def busy_percent(self) -> float:
        """The models' share of the time, 0 to 100; the average where several run at once."""
        return 100 * self.busy / self.seconds if self.seconds else 0.0

    def plus(self, other: CallTotals) -> CallTotals:
        """The sum of both."""
        return CallTotals(self.calls + other.calls, self.busy + other.busy, self.seconds + other.seconds)


class Executor(Protocol):
    """Executes requests: in this process, or by workers."""

    def __call__(self, session: Session, todo: Sequence[Request], folder: Path, *, progress: Progress) -> CallTotals:
        """Append a reply to every request of `todo` to the log in `folder`."""


def execute_locally(session: Session, todo: Sequence[Request], folder: Path, *, progress: Progress) -> CallTotals:
    """Execute `todo` in its order. Whatever stops this, the replies so far are in the folder's log."""
    return execute_part(session, todo, folder, progress=progress, total=len(todo))


def execute_part(
    session: Session,
    todo: Iterable[Request],
    folder: Path,
    *,
    progress: Progress,
    total: int,
    name: str = "0",
    others: Callable[[int], int] = lambda count: 0,
) -> CallTotals:
    """`execute_locally` for one of several processes: its log has a `name`, and the bar counts all their `total`.

    `others` takes the number of new replies and returns how many the other processes have had since its last call.
    """
    engine, calls = session.engine(), 0
    if session.share_prefix:
        progress.say(f"prefill shared by questions on the same media: {session.share_prefix}")
    with response_log.writer(folder, name) as append, progress.task(total) as advance:

        def sink(responses: Sequence[Response]) -> None:
            nonlocal calls
            calls += len(responses)
            append(responses)
            advance(responses, others(len(responses)))

        begin = time.perf_counter()
        stream = Stream(engine, batch=session.model.batch, workers=session.model.workers, sink=sink)
        stream.run(todo)
        return CallTotals(calls, stream.busy, time.perf_counter() - begin)


def reuse_replies(session: Session, todo: Sequence[Request], folder: Path, *, progress: Progress) -> list[Request]:
    """Append the replies to equal requests of this command's earlier tasks; return the other requests of `todo`."""
    replies = [session.answers[request.key] for request in todo if request.key in session.answers]
    if replies:
        with response_log.writer(folder) as append:
            append(replies)
        progress.say(f"{len(replies)} requests were answered in another task of this run")
    return [request for request in todo if request.key not in session.answers]
