"""Prepare requests on threads ahead of the device and generate in batches; one bad request costs one request.

This is the only module that may catch Exception: whatever a picture, a processor or a model raises becomes an error
Response of the request at fault, found by halving the batch until it stands alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic

from evalkit.backends.engine import Engine, Head, Prepared, T
from evalkit.errors import EvalkitError, ResumableError
from evalkit.registry.spec import Batch
from evalkit.types import Request, Response

GIVE_UP_AFTER = 16
# What CUDA, HIP and torch-npu say once a device answers no call of this process any more. Its other errors, ERR00100
# of torch-npu among them, may be about one request.
DEVICE_LOST = (
    "device-side assert",
    "illegal memory access",
    "illegal instruction",
    "unspecified launch failure",
    "launch timed out",
    "hiperrorlaunchfailure",
    "uncorrectable ecc error",
    "error code is 507",
)
# The first batches hold one picture or video, then so many times more, so that the model need not wait until a whole
# batch is prepared.
GROWTH = 4
# Rows that share what they begin with cost little to read, but the cache of each is as long as that of any other.
ROWS_PER_COUNT = 4


class Stream(Generic[T]):
    """A bounded pipeline over one engine. `sink` receives the responses of each batch as soon as they exist.

    `ahead` requests at most are prepared but not yet generated, so memory does not grow with the data set; those on the
    same media count in part, for they share their pixels. Without `workers` this thread prepares them one by one: for
    an engine that only looks replies up, threads cost more.
    `busy` is the time in seconds spent inside `generate`.
    """

    def __init__(
        self, engine: Engine[T], *, batch: Batch, workers: int, sink: Callable[[Sequence[Response]], None]
    ) -> None:
        self._engine, self._batch, self._workers, self._sink = engine, batch, workers, sink
        self._failures = 0
        self.busy = 0.0

    def run(self, requests: Iterable[Request]) -> None:
        """Ask every request. Raises ResumableError when the model fails on many in a row, or its device is lost."""
        for group in self._batches(self._prepared(requests)):
            self._generate(group)

    def _prepared(self, requests: Iterable[Request]) -> Iterator[T]:
        """Prepared requests in order; those that cannot be prepared go to the sink as errors."""
        if not self._workers:
            for request in requests:
                yield from self._settled(request, partial(self._engine.prepare, request))
            return
        ahead = 2 * max(1, self._batch.count) + self._workers
        waiting: deque[tuple[Request, Callable[[], T], float]] = deque()
        held, before = 0.0, None
        with ThreadPoolExecutor(self._workers, thread_name_prefix="prepare") as pool:
            try:
                for request in requests:
                    part = 1 / ROWS_PER_COUNT if request.media and request.media == before else 1.0
                    waiting.append((request, pool.submit(self._engine.prepare, request).result, part))
                    held, before = held + part, request.media
                    while held >= ahead:
                        oldest, result, part = waiting.popleft()
                        held -= part
                        yield from self._settled(oldest, result)
                while waiting:
                    oldest, result, _ = waiting.popleft()
                    yield from self._settled(oldest, result)
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
        group: Group[T] = Group()
        fresh = 1 if self._workers else max(1, self._batch.count)
        for item in prepared:
            if group.items and not group.takes(item, self._batch, fresh=fresh):
                yield group.items
                group, fresh = Group(), fresh * GROWTH
            group.add(item)
        if group.items:
            yield group.items

    def _generate(self, group: list[T]) -> None:
        """Replies of a batch go to the sink; a batch that fails is halved, so that only the culprits are lost."""
        started = time.perf_counter()
        try:
            responses = self._engine.generate(group)
        except Exception as error:  # noqa: BLE001 (an exception of a batch says nothing about which request caused it)
            self.busy += time.perf_counter() - started
            _check_device(group[0].request, error)
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


class Group(Generic[T]):
    """A batch as it grows. `weight` counts a request whose beginning is there already for the rest of it only.

    `fresh` counts those whose media had to be prepared for them.
    """

    def __init__(self) -> None:
        self.items: list[T] = []
        self.weight, self.longest, self.fresh = 0.0, 0, 0
        self.heads: set[Hashable] = set()

    def takes(self, item: T, bounds: Batch, *, fresh: int) -> bool:
        """Whether the batch is within its bounds with one more, and has at most `fresh` of fresh media."""
        generation = self.items[0].request.generation
        count, rows = max(1, bounds.count), len(self.items) + 1
        if item.request.generation != generation or rows > ROWS_PER_COUNT * count:
            return False
        if self._fresh(item) and self.fresh >= fresh:
            return False
        longest = max(self.longest, item.tokens) + generation.max_new_tokens
        # Sums of fractions that should be whole may miss by a hair.
        return self.weight + self._part(item) <= count + 1e-9 and (not bounds.tokens or longest * rows <= bounds.tokens)

    def add(self, item: T) -> None:
        """Put it into the batch."""
        self.weight += self._part(item)
        self.fresh += self._fresh(item)
        self.longest = max(self.longest, item.tokens)
        self.items.append(item)
        if (head := _head(item)) is not None:
            self.heads.add(head.name)

    def _fresh(self, item: T) -> bool:
        """Only engines that read pictures on a device here say what their heads are."""
        return bool(item.request.media) and hasattr(item, "head") and self._part(item) == 1

    def _part(self, item: T) -> float:
        head = _head(item)
        return 1 - head.length / item.tokens if head is not None and head.name in self.heads else 1.0


def _head(item: Prepared) -> Head | None:
    # By name: isinstance against a protocol would cost a fifth of scoring recorded replies.
    head: Head | None = getattr(item, "head", None)
    return head


def failure(request: Request, error: Exception) -> Response:
    """The error Response of a request: the reason as one line, with the type where the text alone says too little."""
    text = " ".join(str(error).split())[:500]
    reason = text if isinstance(error, EvalkitError) else f"{type(error).__name__}: {text}" if text else repr(error)
    return Response(key=request.key, finish="error", error=reason)


def _check_device(first: Request, error: Exception) -> None:
    if any(words in str(error).lower() for words in DEVICE_LOST):
        raise ResumableError(
            f"the device was lost in the batch that begins with sample {first.sample_id}: "
            f"{failure(first, error).error}; mend it and run the same command again"
        ) from error


def _check_order(group: Sequence[T], responses: Sequence[Response]) -> None:
    asked, got = [item.request.key for item in group], [r.key for r in responses]
    if asked != got:
        raise RuntimeError(f"the engine returned keys {got} for {asked}")
