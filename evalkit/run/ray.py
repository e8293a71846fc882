"""Execute small units of requests by workers of a ray cluster; only this process writes the log."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from evalkit.errors import EvalkitError, ResumableError
from evalkit.registry.spec import ModelSpec
from evalkit.run import plan, response_log
from evalkit.run.batching import Stream
from evalkit.run.local import CallTotals
from evalkit.run.progress import Progress
from evalkit.run.session import Session
from evalkit.types import Request, Response

ACCELERATORS = ("GPU", "NPU")
"""Names of ray's resources; a worker takes one unit of the first that the cluster has."""
RESTARTS = 3
UNITS_AHEAD = 2
"""Units queued at each worker, so that none waits for this process."""


class UnitReplies(NamedTuple):
    """A worker's replies to a unit, the seconds spent in its model, and the facts about its engine."""

    responses: list[Response]
    busy: float
    facts: Mapping[str, str]
    share_prefix: str


class Worker:
    """A ray actor with one engine, loaded at the first unit, and one stream, which gives up on a broken device."""

    def __init__(self, model: ModelSpec, device: str) -> None:
        self._session = Session(model, device=device)
        self._responses: list[Response] = []
        self._stream: Stream[Any] | None = None

    def execute(self, requests: Sequence[Request]) -> UnitReplies:
        """The replies, in any order. Raises EvalkitError for a model that cannot load, ResumableError for a device."""
        session, self._responses = self._session, []
        if self._stream is None:
            model = session.model
            self._stream = Stream(session.engine(), batch=model.batch, workers=model.workers, sink=self._sink)
        before = self._stream.busy
        self._stream.run(requests)
        return UnitReplies(self._responses, self._stream.busy - before, session.facts, session.share_prefix)

    def _sink(self, responses: Sequence[Response]) -> None:
        self._responses.extend(responses)


class RayExecutor:
    """The workers of one model: `actors`, or as many as the cluster has accelerators, or machines where it has none.

    They start at the first call and end with `close`. A worker that dies is started again, up to three times, and its
    units are executed again. Model and pictures must have the same paths on every machine.
    """

    def __init__(self, *, actors: int | None = None) -> None:
        self._actors = actors
        self._workers: list[Any] = []

    def __call__(self, session: Session, todo: Sequence[Request], folder: Path, *, progress: Progress) -> CallTotals:
        """Append a reply to every request to the log. Raises EvalkitError, also that of a worker."""
        self._workers = self._workers or _start(session, self._actors)
        import ray

        units = iter(plan.units(todo, least=4 * max(1, session.model.batch.count)))
        begin, busy, in_flight = time.perf_counter(), 0.0, {}
        with response_log.writer(folder) as append, progress.task(len(todo)) as advance:
            for worker, unit in zip(UNITS_AHEAD * self._workers, units):  # noqa: B905 (few units leave workers idle)
                in_flight[worker.execute.remote(unit)] = worker
            while in_flight:
                (done,), _ = ray.wait(list(in_flight))
                worker, replies = in_flight.pop(done), _result(done)
                append(replies.responses)
                advance(replies.responses)
                busy += replies.busy
                session.facts, session.share_prefix = replies.facts, replies.share_prefix
                for unit in islice(units, 1):
                    in_flight[worker.execute.remote(unit)] = worker
        return CallTotals(len(todo), busy, len(self._workers) * (time.perf_counter() - begin))

    def close(self) -> None:
        """End the workers, so that the next model finds their devices free."""
        if self._workers:
            import ray

            for worker in self._workers:
                ray.kill(worker)
            self._workers = []


def _start(session: Session, actors: int | None) -> list[Any]:
    if importlib.util.find_spec("ray") is None:
        raise EvalkitError("--executor ray needs the package ray; pip install 'evalkit-vlm[ray]'")
    import ray

    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    resources = ray.cluster_resources()
    kind = next((name for name in ACCELERATORS if resources.get(name) and session.device != "cpu"), "")
    slots = int(resources[kind]) if kind else 0
    if kind and actors and actors > slots:
        raise EvalkitError(f"--actors {actors}: the cluster has {slots} {kind}s, one for each worker; ask for fewer")
    needs = {"num_gpus": 1} if kind == "GPU" else {"resources": {kind: 1}} if kind else {}
    options = {"num_cpus": 0, "max_restarts": RESTARTS, "max_task_retries": RESTARTS, "scheduling_strategy": "SPREAD"}
    actor = ray.remote(**options, **needs)(Worker)
    count = actors or slots or len(ray.nodes())
    return [actor.remote(session.model, session.device) for _ in range(count)]


def _result(done: Any) -> UnitReplies:
    """Return the result of a finished call, or raise its failure as the worker raised it."""
    import ray

    try:
        replies: UnitReplies = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, EvalkitError):
            raise error.cause from error
        raise
    except ray.exceptions.RayError as error:
        raise ResumableError(
            f"a ray worker is lost ({str(error).strip().splitlines()[0]}); see to it and run the same command again"
        ) from error
    return replies
