"""Promise 5: an error costs one sample; batches obey their bounds; memory is bounded by what is ahead."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from evalkit.backends.engine import Prefix
from evalkit.errors import EvalkitError, OutOfMemoryError, ResumableError
from evalkit.registry.spec import Batch
from evalkit.run.batching import GIVE_UP_AFTER, Stream
from evalkit.types import Generation, Image, Message, Request, Response, Text
from tests.fakes import FakeEngine, Prepared

FOUR = Batch(count=4)


def requests(count: int, *, new: int = 8) -> list[Request]:
    return [
        Request(
            key=f"k{i}",
            sample_id=f"s{i}",
            view=0,
            messages=(Message("user", (Text(f"question {i}"),)),),
            generation=Generation(max_new_tokens=new),
        )
        for i in range(count)
    ]


def collect(engine: object, todo: Sequence[Request], *, batch: Batch = FOUR, workers: int = 3) -> list[Response]:
    found: list[Response] = []
    Stream(engine, batch=batch, workers=workers, sink=found.extend).run(todo)  # type: ignore[arg-type]
    return found


def test_every_request_is_answered_once_in_order() -> None:
    engine = FakeEngine()
    assert [r.key for r in collect(engine, requests(10))] == [f"k{i}" for i in range(10)]
    assert [len(b) for b in engine.batches] == [4, 4, 2]


def test_token_budget_counts_padded_prompts_and_new_tokens() -> None:
    engine = FakeEngine()
    collect(engine, requests(6), batch=Batch(count=100, tokens=36))  # 10 prompt + 8 new = 18 a row
    assert [len(b) for b in engine.batches] == [2, 2, 2]


class Seeing(FakeEngine):
    """An engine of prompts that share the hundred positions of their media."""

    def prepare(self, request: Request) -> Prepared:
        return Prepared(request, tokens=110, prefix=Prefix(request.media, 100))


@pytest.mark.parametrize(
    ("reason", "pictures", "workers", "expected"),
    [
        ("one picture, then four, then whole batches", 24, 2, [1, 4, 8, 8, 3]),
        ("nobody prepares ahead, so nothing is gained", 24, 0, [8, 8, 8]),
        ("few are no trouble", 3, 2, [1, 2]),
    ],
)
def test_the_first_batches_hold_few_pictures_so_that_the_model_starts_early(
    reason: str, pictures: int, workers: int, expected: list[int]
) -> None:
    engine = Seeing(opens_media=True)
    collect(engine, on_pictures(pictures, questions=1), batch=Batch(count=8), workers=workers)
    assert [len(b) for b in engine.batches] == expected, reason


def test_the_first_batch_holds_all_questions_on_its_picture() -> None:
    engine = Seeing(opens_media=True)
    collect(engine, on_pictures(5, questions=3), batch=Batch(count=8), workers=2)
    assert engine.batches[0] == ["0 0", "0 1", "0 2"]
    assert [len(b) for b in engine.batches] == [3, 12], "one picture, then four"


def on_pictures(count: int, *, questions: int) -> list[Request]:
    return [
        Request(
            key=f"{n} {k}",
            sample_id=f"{n} {k}",
            view=0,
            messages=(Message("user", (Image(f"{n}.png", f"digest {n}"), Text(f"question {k}"))),),
            generation=Generation(max_new_tokens=8),
        )
        for n in range(count)
        for k in range(questions)
    ]


def test_requests_with_other_generation_settings_are_not_batched_together() -> None:
    engine = FakeEngine()
    collect(engine, [*requests(2), *requests(2, new=4)])
    assert [len(b) for b in engine.batches] == [2, 2]


class Fragile(FakeEngine):
    """Fails on whole batches that hold one of `bad`, as a device does, without saying which."""

    def __init__(self, bad: set[str], error: Exception, *, most: int = 99) -> None:
        super().__init__()
        self.bad, self.error, self.most = bad, error, most

    def generate(self, batch: Sequence[Prepared]) -> list[Response]:
        if len(batch) > self.most or any(item.request.sample_id in self.bad for item in batch):
            raise self.error
        return super().generate(batch)


def test_promise_5_a_model_that_raises_on_one_sample_costs_that_sample() -> None:
    found = collect(Fragile({"s5"}, RuntimeError("index out of range")), requests(8))
    assert [r.key for r in found if r.error] == ["k5"]
    assert found[5].error == "RuntimeError: index out of range"
    assert sum(r.error is None for r in found) == 7


def test_out_of_memory_halves_the_batch_until_it_fits() -> None:
    engine = Fragile(set(), OutOfMemoryError("7 GiB"), most=1)
    found = collect(engine, requests(8), batch=Batch(count=8))
    assert [r.error for r in found] == [None] * 8
    assert [len(b) for b in engine.batches] == [1] * 8


class Unprepared(FakeEngine):
    def prepare(self, request: Request) -> Prepared:
        if request.sample_id in {"s0", "s3"}:
            raise EvalkitError("picture 3.jpg is truncated; replace it")
        return super().prepare(request)


def test_a_picture_that_cannot_be_opened_costs_its_sample_and_is_named() -> None:
    found = {r.key: r.error for r in collect(Unprepared(), requests(6))}
    assert {k for k, e in found.items() if e} == {"k0", "k3"}
    assert found["k3"] == "picture 3.jpg is truncated; replace it"


def test_a_broken_device_stops_the_run_and_keeps_what_was_answered() -> None:
    todo = requests(100)
    found: list[Response] = []
    engine = Fragile({r.sample_id for r in todo[8:]}, RuntimeError("device lost"))
    with pytest.raises(ResumableError, match="device lost"):
        Stream(engine, batch=Batch(count=4), workers=2, sink=found.extend).run(todo)
    assert sum(r.error is None for r in found) == 8
    assert sum(r.error is not None for r in found) == GIVE_UP_AFTER


def test_preparing_runs_ahead_but_not_without_bound() -> None:
    lock, prepared, worst, generated = threading.Lock(), [0], [0], [0]

    class Counting(FakeEngine):
        def prepare(self, request: Request) -> Prepared:
            with lock:
                prepared[0] += 1
                worst[0] = max(worst[0], prepared[0] - generated[0])
            return super().prepare(request)

        def generate(self, batch: Sequence[Prepared]) -> list[Response]:
            with lock:
                generated[0] += len(batch)
            return super().generate(batch)

    collect(Counting(), requests(500), batch=Batch(count=2), workers=2)
    assert generated[0] == 500
    assert 2 < worst[0] <= 2 * 2 + 2 + 2 + 1
