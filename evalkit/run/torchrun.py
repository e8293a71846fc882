"""Ranks of one launch claim a task's requests, costliest first: who is done takes more, and none waits for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial, reduce
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from evalkit import digest
from evalkit.errors import EvalkitError, ResumableError
from evalkit.run import plan, provenance
from evalkit.run.local import Work, ask
from evalkit.run.plan import Plan
from evalkit.run.progress import Progress
from evalkit.run.response_log import Log
from evalkit.run.session import Session
from evalkit.types import Request

if TYPE_CHECKING:
    from torch.distributed import Store  # type: ignore[attr-defined]  # offered there, but not exported to checkers

PATIENCE_SECONDS = 1800.0
"""Silence after which a rank counts as dead; a launcher ends the ranks of its own machine long before."""
PAUSE_SECONDS = 0.1
AGAIN = "run the same command again"
Found = TypeVar("Found")


class Launch(NamedTuple):
    """This process among those of a launcher: its rank of `size`, and of this machine; `attempt` counts restarts."""

    size: int = 1
    rank: int = 0
    local_rank: int = 0
    attempt: str = ""


class Report(msgspec.Struct, frozen=True):
    """What a rank did for a task, where its model ran, and whether prefills were shared there."""

    work: Work = Work()
    facts: Mapping[str, str] = {}
    share_prefix: str = ""


class Crew:
    """The ranks of one launch, as one of them sees them; their launcher's store counts for all. Tasks have numbers.

    Every call to the store is answered at once. Raises ResumableError where the store, and so the launcher, is gone.
    """

    def __init__(self, store: Store, rank: int, size: int, *, patience: float = PATIENCE_SECONDS) -> None:
        self.rank, self.size = rank, size
        self._store, self._patience = store, patience

    def claims(self, task: int, units: Sequence[Sequence[Request]], todo: Collection[str]) -> Iterator[Request]:
        """Requests of the units that this rank claims as it comes to them; keys that are not in `todo` are skipped.

        `units` must not depend on what has been answered, since ranks read the log at different times. A rank whose
        data differ claims for itself: numbers would not mean the same units.
        """
        name = f"claims/{task}/{digest.of([request.key for unit in units for request in unit])}"
        while (n := self._add(name, 1) - 1) < len(units):
            yield from (request for request in units[n] if request.key in todo)

    def replied(self, task: int) -> Callable[[int], int]:
        """The function to call with the number of new replies; it gives how many the others have had since the last."""
        before = 0

        def tell(count: int) -> int:
            nonlocal before
            self._add("pulse", 1)
            total = self._add(f"replies/{task}", count)
            others, before = total - before - count, total
            return others

        return tell

    def report(self, task: int, done: Report) -> None:
        """Say that this rank is through with a task, and all it claimed of it is in the log."""
        self._tell(lambda: self._store.set(f"report/{task}/{self.rank}", msgspec.json.encode(done).decode()))
        self._add("pulse", 1)

    def reports(self, task: int, progress: Progress) -> list[Report]:
        """What all ranks did, by rank, once they have. Raises ResumableError when none is heard of for too long."""
        keys = [f"report/{task}/{rank}" for rank in range(self.size)]
        if not self._there(keys):
            progress.say("waiting for the last replies of the other ranks")
        heard, pulse = time.monotonic(), 0
        while not self._there(keys):
            time.sleep(PAUSE_SECONDS)
            if (now := self._add("pulse", 0)) != pulse:
                heard, pulse = time.monotonic(), now
            elif time.monotonic() - heard > self._patience:
                missing = ", ".join(str(rank) for rank, key in enumerate(keys) if not self._there([key]))
                raise ResumableError(f"rank {missing} has been silent for {self._patience:.0f} s; {AGAIN}")
        return [msgspec.json.decode(self._tell(partial(self._store.get, key)), type=Report) for key in keys]

    def _add(self, key: str, count: int) -> int:
        return self._tell(lambda: self._store.add(key, count))

    def _there(self, keys: Sequence[str]) -> bool:
        return self._tell(lambda: self._store.check(list(keys)))

    def _tell(self, call: Callable[[], Found]) -> Found:
        from torch.distributed import DistError

        try:
            return call()
        except DistError as error:
            raise ResumableError(f"the launcher's store does not answer ({_line(error)}); {AGAIN}") from error


def share(
    session: Session, planned: Plan, todo: Sequence[Request], folder: Path, *, crew: Crew, task: int, progress: Progress
) -> list[Request]:
    """Ask what this rank claims of `todo`, and report it. Returns what rank 0 does after `gather`.

    That is what an earlier task of this command asks too: its reply is known by then, whichever rank has got it.
    """
    earlier, wanted = session.planned.copy(), {request.key for request in todo}
    new = [request for request in plan.pending(planned, Log({})) if request.key not in earlier]
    session.planned.update(request.key for request in new)
    left = [request for request in todo if request.key in earlier]
    claims, work = crew.claims(task, plan.units(new), wanted), Work()
    for first in claims:  # where nothing is to claim, no model is loaded
        mine = chain([first], claims)
        total = len(todo) - len(left)
        work = ask(
            session, mine, folder, progress=progress, total=total, name=str(crew.rank), others=crew.replied(task)
        )
    crew.report(task, Report(work, session.facts, session.share_prefix))
    return left


def gather(session: Session, *, crew: Crew, task: int, progress: Progress) -> Work:
    """What all ranks did for a task, once they have; where their models ran becomes the session's facts."""
    reports = crew.reports(task, progress)
    session.facts = provenance.merged(*(report.facts for report in reports))
    session.share_prefix = next((r.share_prefix for r in reports if r.share_prefix), "")
    return reduce(Work.plus, (report.work for report in reports))


def join(*, attempt: str) -> Crew:
    """Find the other ranks of this launch; `attempt` counts the launcher's restarts, which all use one store.

    Raises ResumableError where the store is out of reach.
    """
    from torch.distributed import DistError, PrefixStore  # type: ignore[attr-defined]  # as Store is above
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, size = next(rendezvous("env://"))
    except DistError as error:
        raise ResumableError(f"this rank cannot reach the launcher's store ({_line(error)}); {AGAIN}") from error
    return Crew(PrefixStore(f"evalkit/{attempt}/{size}", store), rank, size)


def device_of(rank: int, *, asked: str) -> str:
    """The device of a rank of its machine. Raises EvalkitError for one by name that all would have to share."""
    from evalkit.backends.device import choose

    if asked and asked != "cpu":
        raise EvalkitError(f"--device {asked} would put every rank on one device; leave it away, and each has its own")
    return str(choose(asked, rank=rank))


def _line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
