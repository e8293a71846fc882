"""Ranks of one launch claim a task's requests, costliest first; a rank that is done claims more, and none waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial, reduce
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from evalkit import digest
from evalkit.errors import EvalkitError, ResumableError
from evalkit.run import plan, provenance
from evalkit.run.local import CallTotals, execute_part
from evalkit.run.prepare import PreparedTask
from evalkit.run.progress import Progress
from evalkit.run.response_log import Log
from evalkit.run.session import Session
from evalkit.types import Request

if TYPE_CHECKING:
    from torch.distributed import Store  # type: ignore[attr-defined]  # offered there, but not exported to checkers

PATIENCE_SECONDS = 1800.0
"""Silence after which a rank counts as dead; a launcher ends the ranks of its own machine long before that."""
PAUSE_SECONDS = 0.1
AGAIN = "run the same command again"
T = TypeVar("T")


class Launch(NamedTuple):
    """This process among the `size` of a launcher: its rank, the rank on this machine; `attempt` counts restarts."""

    size: int = 1
    rank: int = 0
    local_rank: int = 0
    attempt: str = ""


class RankReport(msgspec.Struct, frozen=True):
    """The calls of a rank for a task, the facts about its engine, and whether prefills were shared there."""

    totals: CallTotals = CallTotals()
    facts: Mapping[str, str] = {}
    share_prefix: str = ""


class RankGroup:
    """The ranks of one launch, seen by one of them; they count in their launcher's store. Tasks have numbers.

    Every call to the store is answered at once. Raises ResumableError where the store, and so the launcher, is gone.
    """

    def __init__(self, store: Store, rank: int, size: int, *, patience: float = PATIENCE_SECONDS) -> None:
        self.rank, self.size = rank, size
        self._store, self._patience = store, patience

    def claims(self, task: int, units: Sequence[Sequence[Request]], todo: Collection[str]) -> Iterator[Request]:
        """Claim units one by one and yield their requests; those with a key that is not in `todo` are skipped.

        `units` must not depend on what has been answered, since ranks read the log at different times. A rank whose
        data differ claims for itself, since its numbers do not mean the same units.
        """
        name = f"claims/{task}/{digest.of([request.key for unit in units for request in unit])}"
        while (n := self._add(name, 1) - 1) < len(units):
            yield from (request for request in units[n] if request.key in todo)

    def reply_counter(self, task: int) -> Callable[[int], int]:
        """A function of the number of new replies; it returns how many the others have had since its last call."""
        before = 0

        def exchange(count: int) -> int:
            nonlocal before
            self._add("pulse", 1)
            total = self._add(f"replies/{task}", count)
            others, before = total - before - count, total
            return others

        return exchange

    def report(self, task: int, result: RankReport) -> None:
        """Report that this rank has finished a task: the replies to all that it claimed are in the log."""
        self._call(lambda: self._store.set(f"report/{task}/{self.rank}", msgspec.json.encode(result).decode()))
        self._add("pulse", 1)

    def reports(self, task: int, progress: Progress) -> list[RankReport]:
        """Wait for the reports of all ranks, and return them by rank. Raises ResumableError after a long silence."""
        keys = [f"report/{task}/{rank}" for rank in range(self.size)]
        if not self._has(keys):
            progress.say("waiting for the last replies of the other ranks")
        last_change, pulse = time.monotonic(), 0
        while not self._has(keys):
            time.sleep(PAUSE_SECONDS)
            if (now := self._add("pulse", 0)) != pulse:
                last_change, pulse = time.monotonic(), now
            elif time.monotonic() - last_change > self._patience:
                missing = ", ".join(str(rank) for rank, key in enumerate(keys) if not self._has([key]))
                raise ResumableError(f"rank {missing} has been silent for {self._patience:.0f} s; {AGAIN}")
        return [msgspec.json.decode(self._call(partial(self._store.get, key)), type=RankReport) for key in keys]

    def _add(self, key: str, count: int) -> int:
        return self._call(lambda: self._store.add(key, count))

    def _has(self, keys: Sequence[str]) -> bool:
        return self._call(lambda: self._store.check(list(keys)))

    def _call(self, call: Callable[[], T]) -> T:
        from torch.distributed import DistError

        try:
            return call()
        except DistError as error:
            raise ResumableError(f"the launcher's store does not answer ({_line(error)}); {AGAIN}") from error


def execute_claims(session: Session, prepared: PreparedTask, *, rank_group: RankGroup, number: int) -> list[Request]:
    """Execute the requests of task `number` that this rank claims, and report them. Return those left to rank 0.

    These are requests that an earlier task of this command has, too: when rank 0 comes to them, the log of that task
    has the reply, whichever rank made it.
    """
    todo, earlier = prepared.todo, session.planned.copy()
    new = [request for request in plan.pending(prepared.planned, Log({})) if request.key not in earlier]
    session.planned.update(request.key for request in new)
    remaining = [request for request in todo if request.key in earlier]
    claims = rank_group.claims(number, plan.units(new), {request.key for request in todo})
    totals = CallTotals()
    for first in claims:  # without a claim, no model is loaded
        totals = execute_part(
            session,
            chain([first], claims),
            prepared.folder,
            progress=prepared.settings.progress,
            total=len(todo) - len(remaining),
            name=str(rank_group.rank),
            others=rank_group.reply_counter(number),
        )
    rank_group.report(number, RankReport(totals, session.facts, session.share_prefix))
    return remaining


def collect_reports(session: Session, *, rank_group: RankGroup, number: int, progress: Progress) -> CallTotals:
    """Wait for the reports on a task, and return the sum of its calls; the session gets the facts of all ranks."""
    reports = rank_group.reports(number, progress)
    session.facts = provenance.merge_facts(*(report.facts for report in reports))
    session.share_prefix = next((r.share_prefix for r in reports if r.share_prefix), "")
    return reduce(CallTotals.plus, (report.totals for report in reports))


def join(*, attempt: str) -> RankGroup:
    """Connect to the other ranks of this launch; `attempt` counts the launcher's restarts, which all use one store.

    Raises ResumableError where the store cannot be reached.
    """
    from torch.distributed import DistError, PrefixStore  # type: ignore[attr-defined]  # as Store is above
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, size = next(rendezvous("env://"))
    except DistError as error:
        raise ResumableError(f"this rank cannot reach the launcher's store ({_line(error)}); {AGAIN}") from error
    return RankGroup(PrefixStore(f"evalkit/{attempt}/{size}", store), rank, size)


def device_of(rank: int, *, name: str) -> str:
    """The device of a rank on its machine. Raises EvalkitError for a device by name, which all ranks would share."""
    from evalkit.backends.device import choose

    if name and name != "cpu":
        raise EvalkitError(f"--device {name} would put every rank on one device; leave it away, and each has its own")
    return str(choose(name, rank=rank))


def _line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
