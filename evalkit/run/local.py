"""Run requests in this process and append every reply to the log as soon as it exists."""

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


class Work(msgspec.Struct, frozen=True):
    """What calls did: requests put to models, the seconds the models themselves were at it, and the seconds in all."""

    calls: int = 0
    busy: float = 0.0
    seconds: float = 0.0

    @property
    def busy_percent(self) -> float:
        """The models' share of the time, 0 to 100; of several at once it is the average."""
        return 100 * self.busy / self.seconds if self.seconds else 0.0

    def plus(self, other: Work) -> Work:
        """Both together."""
        return Work(self.calls + other.calls, self.busy + other.busy, self.seconds + other.seconds)


class Execute(Protocol):
    """A way to ask: in this process, or by workers."""

    def __call__(self, session: Session, todo: Sequence[Request], folder: Path, *, progress: Progress) -> Work:
        """Append a reply to every request of `todo` to the log in `folder`."""


def local(session: Session, todo: Sequence[Request], folder: Path, *, progress: Progress) -> Work:
    """Ask `todo` in its order. Whatever stops this, the replies so far are in the folder's log."""
    return ask(session, todo, folder, progress=progress, total=len(todo))


def ask(
    session: Session,
    todo: Iterable[Request],
    folder: Path,
    *,
    progress: Progress,
    total: int,
    name: str = "0",
    others: Callable[[int], int] = lambda count: 0,
) -> Work:
    """`local` for one of several processes: its log is called `name`, and the bar counts to `total` with all of them.

    `others` is told the number of new replies and says how many the other processes have had meanwhile.
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
        return Work(calls, stream.busy, time.perf_counter() - begin)


def reuse(session: Session, todo: Sequence[Request], folder: Path, *, progress: Progress) -> list[Request]:
    """Append the replies that another task of this command has got, facts about equal requests; the rest of `todo`."""
    known = [session.answers[request.key] for request in todo if request.key in session.answers]
    if known:
        with response_log.writer(folder) as append:
            append(known)
        progress.say(f"{len(known)} requests were answered in another task of this run")
    return [request for request in todo if request.key not in session.answers]
