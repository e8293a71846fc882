"""Prepare requests on threads ahead of the device and generate in batches; one bad request costs one request.

This is the only module that may catch Exception: whatever a picture, a processor or a model raises becomes an error
Response of the request that caused it, which is found by halving the batch.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic

from evalkit.backends.engine import Engine, PreparedT
from evalkit.errors import EvalkitError, ResumableError
from evalkit.registry.spec import Batch
from evalkit.types import Request, Response

GIVE_UP_AFTER = 16
# Messages of CUDA, HIP and torch-npu after which the device answers no call of this process any more. Other errors,
# ERR00100 of torch-npu among them, may be about one request.
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
# The first batch holds one picture or video, each batch after it up to so many times more, so that the model need not
# wait until a whole batch is prepared.
GROWTH = 4
# Rows that share a prefix add little to the prefill, but the KV cache of each is as long as that of any other row.
ROWS_PER_COUNT = 4


class Stream(Generic[PreparedT]):
    """A bounded pipeline over one engine; `sink` receives the responses of each batch as soon as they exist.

    The number of requests that are prepared but not yet generated is bounded, so memory does not grow with the data
    set; those on the same media count in part, for they share their pixels. `workers` threads prepare; without any, the
    caller's thread prepares one request after the other, which costs less where an engine only looks replies up.
    `busy` is the time in seconds spent inside `generate`.
    """

    def __init__(
        self, engine: Engine[PreparedT], *, batch: Batch, workers: int, sink: Callable[[Sequence[Response]], None]
    ) -> None:
        self._engine, self._batch, self._workers, self._sink = engine, batch, workers, sink
        self._failures = 0
        self.busy = 0.0

    def run(self, requests: Iterable[Request]) -> None:
        """Send every request to the engine.

        Raises ResumableError when the model fails on many in a row, or its device is lost.
        """
        for batch in self._batches(self._prepare(requests)):
            self._generate(batch)

    def _prepare(self, requests: Iterable[Request]) -> Iterator[PreparedT]:
        """Prepared requests in order; those that cannot be prepared go to the sink as errors."""
        if not self._workers:
            for request in requests:
                yield from self._result(request, partial(self._engine.prepare, request))
            return
        ahead = 2 * max(1, self._batch.count) + self._workers
        queue: deque[tuple[Request, Callable[[], PreparedT], float]] = deque()
        total, media = 0.0, None
        with ThreadPoolExecutor(self._workers, thread_name_prefix="prepare") as pool:
            try:
                for request in requests:
                    share = 1 / ROWS_PER_COUNT if request.media and request.media == media else 1.0
                    queue.append((request, pool.submit(self._engine.prepare, request).result, share))
                    total, media = total + share, request.media
                    while total >= ahead:
                        oldest, result, share = queue.popleft()
                        total -= share
                        yield from self._result(oldest, result)
                while queue:
                    oldest, result, _ = queue.popleft()
                    yield from self._result(oldest, result)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _result(self, request: Request, result: Callable[[], PreparedT]) -> Iterator[PreparedT]:
        try:
            prepared = result()
        except Exception as error:  # noqa: BLE001 (a broken picture must cost one sample, whatever its decoder raises)
            self._sink([error_response(request, error)])
            return
        yield prepared

    def _batches(self, prepared: Iterable[PreparedT]) -> Iterator[list[PreparedT]]:
        """Batches of equal generation settings, within the bounds on count and on padded prompt-plus-new tokens."""
        opens_media = self._engine.opens_media
        growing: GrowingBatch[PreparedT] = GrowingBatch(self._batch, opens_media=opens_media)
        most_media = 1 if self._workers else max(1, self._batch.count)
        for item in prepared:
            if growing.items and not growing.fits(item, most_media=most_media):
                yield growing.items
                growing, most_media = GrowingBatch(self._batch, opens_media=opens_media), most_media * GROWTH
            growing.add(item)
        if growing.items:
            yield growing.items

    def _generate(self, batch: list[PreparedT]) -> None:
        """Send the replies of a batch to the sink; a batch that fails is halved, so that only the culprits are lost."""
        started = time.perf_counter()
        try:
            responses = self._engine.generate(batch)
        except Exception as error:  # noqa: BLE001 (an exception of a batch says nothing about which request caused it)
            self.busy += time.perf_counter() - started
            _check_device(batch[0].request, error)
            if len(batch) == 1:
                self._fail(batch[0].request, error)
                return
            middle = len(batch) // 2
            self._generate(batch[:middle])
            self._generate(batch[middle:])
            return
        self.busy += time.perf_counter() - started
        self._failures = 0
        requested, returned = [item.request.key for item in batch], [response.key for response in responses]
        if requested != returned:
            raise RuntimeError(f"the engine returned keys {returned} for {requested}")
        self._sink(responses)

    def _fail(self, request: Request, error: Exception) -> None:
        self._failures += 1
        response = error_response(request, error)
        self._sink([response])
        if self._failures >= GIVE_UP_AFTER:
            raise ResumableError(
                f"the model failed on {self._failures} requests in a row, last on sample {request.sample_id}: "
                f"{response.error}; mend the cause and run the same command again"
            )


class GrowingBatch(Generic[PreparedT]):
    """A batch to which requests are added while they fit into its `bounds`.

    A request counts 1 against `bounds.count`, or, where its prefix is in the batch already, the part of its prompt
    that follows the prefix. Requests whose media had to be opened for them alone are counted, too.
    """

    def __init__(self, bounds: Batch, *, opens_media: bool) -> None:
        self.items: list[PreparedT] = []
        self._bounds, self._opens_media = bounds, opens_media
        self._weight, self._longest, self._media_items = 0.0, 0, 0
        self._prefixes: set[Hashable] = set()

    def fits(self, item: PreparedT, *, most_media: int) -> bool:
        """True if the batch stays within its bounds with one more, and opens media for at most `most_media`."""
        generation = self.items[0].request.generation
        count, tokens, rows = max(1, self._bounds.count), self._bounds.tokens, len(self.items) + 1
        if item.request.generation != generation or rows > ROWS_PER_COUNT * count:
            return False
        if self._media_items >= most_media and self._is_media_item(item):
            return False
        longest = max(self._longest, item.tokens) + generation.max_new_tokens
        # Sums of fractions that should be whole may miss by a hair.
        return self._weight + self._new_part(item) <= count + 1e-9 and (not tokens or longest * rows <= tokens)

    def add(self, item: PreparedT) -> None:
        """Put it into the batch."""
        self._weight += self._new_part(item)
        self._media_items += self._is_media_item(item)
        self._longest = max(self._longest, item.tokens)
        self.items.append(item)
        if item.prefix is not None:
            self._prefixes.add(item.prefix.name)

    def _is_media_item(self, item: PreparedT) -> bool:
        return self._opens_media and bool(item.request.media) and self._new_part(item) == 1

    def _new_part(self, item: PreparedT) -> float:
        """The share of the prompt, in (0, 1], that the batch does not hold yet."""
        prefix = item.prefix
        return 1 - prefix.length / item.tokens if prefix is not None and prefix.name in self._prefixes else 1.0


def error_response(request: Request, error: Exception) -> Response:
    """The error Response of a request: the reason as one line, with the type where the text alone says too little."""
    text = " ".join(str(error).split())[:500]
    reason = text if isinstance(error, EvalkitError) else f"{type(error).__name__}: {text}" if text else repr(error)
    return Response(key=request.key, finish="error", error=reason)


def _check_device(first: Request, error: Exception) -> None:
    if any(words in str(error).lower() for words in DEVICE_LOST):
        raise ResumableError(
            f"the device was lost in the batch that begins with sample {first.sample_id}: "
            f"{error_response(first, error).error}; mend it and run the same command again"
        ) from error
