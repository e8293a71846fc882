"""Prepare requests on threads ahead of the device and generate in batches; one bad request costs one request.

This is the only module that may catch Exception: whatever a picture, a processor or a model raises becomes an error
Response of the request at fault, found by halving the batch until it stands alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic

from evalkit.backends.engine import Engine, T
from evalkit.spec import Batch
from evalkit.types import EvalkitError, Request, Response, ResumableError

GIVE_UP_AFTER = 16


class Stream(Generic[T]):
    """A bounded pipeline over one engine. `sink` receives the responses of each batch as soon as they exist.

    `ahead` requests at most are prepared but not yet generated, so memory does not grow with the data set. Without
    `workers` this thread prepares them one by one: for an engine that only looks replies up, threads cost more.
    `busy` is the time in seconds spent inside `generate`.
    """

    def __init__(
        self, engine: Engine[T], *, batch: Batch, workers: int, sink: Callable[[Sequence[Response]], None]
    ) -> None:
        self._engine, self._batch, self._workers, self._sink = engine, batch, workers, sink
        self._failures = 0
        self.busy = 0.0

    def run(self, requests: Iterable[Request]) -> None:
        """Ask every request. Raises ResumableError when the model fails on many requests in a row."""
        for group in self._batches(self._prepared(requests)):
            self._generate(group)

    def _prepared(self, requests: Iterable[Request]) -> Iterator[T]:
        """Prepared requests in order; those that cannot be prepared go to the sink as errors."""
        if not self._workers:
            for request in requests:
                yield from self._settled(request, partial(self._engine.prepare, request))
            return
        ahead = 2 * max(1, self._batch.count) + self._workers
        waiting: deque[tuple[Request, Callable[[], T]]] = deque()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="prepare") as pool:
            try:
                for request in requests:
                    waiting.append((request, pool.submit(self._engine.prepare, request).result))
                    if len(waiting) >= ahead:
                        yield from self._settled(*waiting.popleft())
                while waiting:
                    yield from self._settled(*waiting.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _settled(self, request: Request, result: Callable[[], T]) -> Iterator[T]:
        try:
            prepared = result()
        except Exception as error:  # noqa: BLE001 (a broken picture must cost one sample, whatever its decoder raises)
            self._sink([failure(request, error)])
            return
        yield prepared

    def _batches(self, prepared: Iterable[T]) -> Iterator[list[T]]:
        """Groups of equal generation settings within the bounds on count and on padded prompt-plus-new tokens."""
        group: list[T] = []
        for item in prepared:
            if group and not self._fits(group, item):
                yield group
                group = []
            group.append(item)
        if group:
            yield group

    def _fits(self, group: list[T], item: T) -> bool:
        generation = group[0].request.generation
        if len(group) >= max(1, self._batch.count) or item.request.generation != generation:
            return False
        if not self._batch.tokens:
            return True
        longest = max(item.tokens, *(i.tokens for i in group))
        return (longest + generation.max_new_tokens) * (len(group) + 1) <= self._batch.tokens

    def _generate(self, group: list[T]) -> None:
        """Replies of a batch go to the sink; a batch that fails is halved, so that only the culprits are lost."""
        started = time.perf_counter()
        try:
            responses = self._engine.generate(group)
        except Exception as error:  # noqa: BLE001 (an exception of a batch says nothing about which request caused it)
            self.busy += time.perf_counter() - started
            if len(group) == 1:
                self._failed(group[0].request, error)
                return
            middle = len(group) // 2
            self._generate(group[:middle])
            self._generate(group[middle:])
            return
        self.busy += time.perf_counter() - started
        self._failures = 0
        _check_order(group, responses)
        self._sink(responses)

    def _failed(self, request: Request, error: Exception) -> None:
        self._failures += 1
        response = failure(request, error)
        self._sink([response])
        if self._failures >= GIVE_UP_AFTER:
            raise ResumableError(
                f"the model failed on {self._failures} requests in a row, last on sample {request.sample_id}: "
                f"{response.error}; mend the cause and run the same command again"
            )


def failure(request: Request, error: Exception) -> Response:
    """The error Response of a request: the reason as one line, with the type where the text alone says too little."""
    text = " ".join(str(error).split())[:500]
    reason = text if isinstance(error, EvalkitError) else f"{type(error).__name__}: {text}" if text else repr(error)
    return Response(key=request.key, finish="error", error=reason)


def _check_order(group: Sequence[T], responses: Sequence[Response]) -> None:
    asked, got = [item.request.key for item in group], [r.key for r in responses]
    if asked != got:
        raise RuntimeError(f"the engine returned keys {got} for {asked}")
