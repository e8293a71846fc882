"""Workers of a ray cluster answer small units of requests; this process alone writes, a dead worker costs a retry."""

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
from evalkit.run.local import Work
from evalkit.run.progress import Progress
from evalkit.run.session import Session
from evalkit.types import Request, Response

ACCELERATORS = ("GPU", "NPU")
"""Names of ray's resources; a worker takes one of those that the cluster has."""
RESTARTS = 3
AHEAD = 2
"""Units on their way to each worker, so that none waits for this process."""


class Answer(NamedTuple):
    """A worker's replies to a unit, the seconds its model took, and what its engine says of itself."""

    responses: list[Response]
    busy: float
    facts: Mapping[str, str]
    share_prefix: str


class Worker:
    """What an actor runs: one engine, loaded at the first unit, and one stream, which gives up on a broken device."""

    def __init__(self, model: ModelSpec, device: str) -> None:
        self._session = Session(model, device=device)
        self._found: list[Response] = []
        self._stream: Stream[Any] | None = None

    def answer(self, requests: Sequence[Request]) -> Answer:
        """Replies, not in order. Raises EvalkitError for a model that cannot load, ResumableError for a device."""
        session, self._found = self._session, []
        if self._stream is None:
            model = session.model
            self._stream = Stream(session.engine(), batch=model.batch, workers=model.workers, sink=self._sink)
        before = self._stream.busy
        self._stream.run(requests)
        return Answer(self._found, self._stream.busy - before, session.facts, session.share_prefix)

    def _sink(self, responses: Sequence[Response]) -> None:
        self._found.extend(responses)


class Pool:
    """The workers of one model: `actors`, or as many as the cluster has accelerators, or machines where it has none.

    They start at the first call and end with `close`. A worker that dies is started again, three times; its units are
    asked again. Model and pictures must lie at the same paths on every machine.
    """

    def __init__(self, *, actors: int | None = None) -> None:
        self._actors = actors
        self._workers: list[Any] = []

    def __call__(self, session: Session, todo: Sequence[Request], folder: Path, *, progress: Progress) -> Work:
        """Append a reply to every request to the log. Raises EvalkitError, what a worker raises among them."""
        self._workers = self._workers or _start(session, self._actors)
        import ray

        pieces = iter(plan.units(todo, least=4 * max(1, session.model.batch.count)))
        begin, busy, flying = time.perf_counter(), 0.0, {}
        with response_log.writer(folder) as append, progress.task(len(todo)) as advance:
            for worker, piece in zip(AHEAD * self._workers, pieces):  # noqa: B905 (few pieces leave workers idle)
                flying[worker.answer.remote(piece)] = worker
            while flying:
                (done,), _ = ray.wait(list(flying))
                worker, found = flying.pop(done), _get(done)
                append(found.responses)
                advance(found.responses)
                busy += found.busy
                session.facts, session.share_prefix = found.facts, found.share_prefix
                for piece in islice(pieces, 1):
                    flying[worker.answer.remote(piece)] = worker
        return Work(len(todo), busy, len(self._workers) * (time.perf_counter() - begin))

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
    have = ray.cluster_resources()
    kind = next((name for name in ACCELERATORS if have.get(name) and session.device != "cpu"), "")
    there = int(have[kind]) if kind else 0
    if kind and actors and actors > there:
        raise EvalkitError(f"--actors {actors}: the cluster has {there} {kind}s, one for each worker; ask for fewer")
    needs = {"num_gpus": 1} if kind == "GPU" else {"resources": {kind: 1}} if kind else {}
    options = {"num_cpus": 0, "max_restarts": RESTARTS, "max_task_retries": RESTARTS, "scheduling_strategy": "SPREAD"}
    make = ray.remote(**options, **needs)(Worker)
    count = actors or there or len(ray.nodes())
    return [make.remote(session.model, session.device) for _ in range(count)]


def _get(done: Any) -> Answer:
    """A finished call's answer, or its failure as the worker raised it."""
    import ray

    try:
        answer: Answer = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, EvalkitError):
            raise error.cause from error
        raise
    except ray.exceptions.RayError as error:
        raise ResumableError(
            f"a ray worker is lost ({str(error).strip().splitlines()[0]}); see to it and run the same command again"
        ) from error
    return answer
