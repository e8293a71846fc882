"""Several ranks: every request asked by one of them, files equal to those of one process, and a dead rank resumed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._C._distributed_c10d import HashStore, TCPStore  # where torch.distributed has them from

from evalkit.errors import ResumableError
from evalkit.run import plan, runner, torchrun
from evalkit.run.local import CallTotals
from evalkit.run.outcome import Outcome
from evalkit.run.prepare import prepare
from evalkit.run.progress import SilentProgress
from evalkit.run.torchrun import RankGroup, RankReport
from evalkit.types import Generation, Image, Message, Part, Request, Text
from tests.run.test_runner import FakeSession, make_data, make_task
from tests.run.test_runner import settings as run_settings

QUIET = SilentProgress()


def request(number: int, picture: int = -1) -> Request:
    parts: tuple[Part, ...] = (*([Image("p", str(picture))] if picture >= 0 else []), Text("?" * number))
    messages = (Message("user", parts),)
    generation = Generation(max_new_tokens=1)
    return Request(key=f"k{number}", sample_id=str(number), view=0, messages=messages, generation=generation)


# --- units and claims


@pytest.mark.parametrize(
    ("pictures", "least", "sizes"),
    [
        ([0, 0, 1, 1, 1, 2], 1, [2, 3, 1]),
        ([0, 0, 1, 1, 1, 2], 3, [5, 1]),
        ([-1, -1, -1], 1, [1, 1, 1]),  # without pictures every request is a family
        ([-1, -1, -1], 2, [2, 1]),
        ([], 4, []),
    ],
)
def test_units_keep_questions_on_a_picture_together(pictures: list[int], least: int, sizes: list[int]) -> None:
    todo = [request(n, picture) for n, picture in enumerate(pictures)]
    units = plan.units(todo, least=least)
    assert [len(unit) for unit in units] == sizes
    assert [r for unit in units for r in unit] == todo


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(0, 40), st.sets(st.integers(0, 39)), st.randoms(use_true_random=False))
def test_every_pending_request_is_claimed_by_one_rank(size: int, count: int, answered: set[int], random: Any) -> None:
    units = plan.units([request(n, n // 3) for n in range(count)])
    todo = {f"k{n}" for n in range(count) if n not in answered}
    counter = HashStore()
    ranks = [RankGroup(counter, rank, size).claims(0, units, todo) for rank in range(size)]
    got: list[str] = []
    while ranks:
        rank = random.choice(ranks)
        found = next(rank, None)
        if found is None:
            ranks.remove(rank)
        else:
            got.append(found.key)
    assert sorted(got) == sorted(todo)


def test_the_costliest_units_are_claimed_first_and_a_rank_with_other_data_claims_for_itself() -> None:
    counter = HashStore()
    units = [[request(3)], [request(2)], [request(1)]]
    todo = {"k1", "k2", "k3"}
    one, two = (RankGroup(counter, rank, 2).claims(0, units, todo) for rank in range(2))
    assert [next(one).key, next(two).key, next(one).key] == ["k3", "k2", "k1"]
    assert list(two) == []
    assert [r.key for r in RankGroup(counter, 1, 2).claims(0, units[:2], todo)] == ["k3", "k2"]
    assert len(list(RankGroup(counter, 1, 2).claims(1, units, todo))) == 3, "another task has its own count"


def test_replies_of_the_others_are_counted() -> None:
    counter = HashStore()
    one, two = (RankGroup(counter, rank, 2).reply_counter(0) for rank in range(2))
    assert [one(4), two(2), two(1), one(1), one(0)] == [0, 4, 0, 3, 0]


def test_a_rank_that_is_silent_for_too_long_ends_the_run_with_75() -> None:
    rank_group = RankGroup(HashStore(), 0, 3, patience=0.3)
    rank_group.report(5, RankReport(CallTotals(calls=2)))
    RankGroup(rank_group._store, 1, 3).report(5, RankReport())
    with pytest.raises(ResumableError, match=r"^rank 2 has been silent for 0 s; run the same command again$"):
        rank_group.reports(5, QUIET)


def test_a_rank_that_still_replies_is_waited_for() -> None:
    counter = HashStore()
    rank_group, late = RankGroup(counter, 0, 2, patience=0.5), RankGroup(counter, 1, 2)
    rank_group.report(0, RankReport(CallTotals(1, 1.0, 2.0), {"device": "cuda:0"}, "on"))

    def slow() -> None:
        exchange = late.reply_counter(0)
        for _ in range(8):
            time.sleep(0.15)
            exchange(1)
        late.report(0, RankReport(CallTotals(3, 2.0, 4.0), {"device": "cuda:1"}, "on"))

    thread = threading.Thread(target=slow)
    thread.start()
    session = FakeSession()
    totals = torchrun.collect_reports(session, rank_group=rank_group, number=0, progress=QUIET)
    thread.join()
    assert (totals, totals.busy_percent) == (CallTotals(4, 3.0, 6.0), 50.0)
    assert (session.facts, session.share_prefix) == ({"device": "cuda:0 + cuda:1"}, "on")


def test_a_launcher_that_is_gone_is_one_sentence() -> None:
    server = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    rank_group = RankGroup(TCPStore("127.0.0.1", server.port, is_master=False, timeout=timedelta(seconds=1)), 0, 2)
    rank_group.report(0, RankReport())
    del server
    time.sleep(0.2)
    with pytest.raises(ResumableError, match=r"^the launcher's store does not answer \(.*run the same command again$"):
        rank_group.report(1, RankReport())


# --- whole tasks, ranks after another in this process


def ranks_run(folder: Path, tasks: Sequence[Any], sessions: Sequence[FakeSession]) -> list[Outcome]:
    """Every rank's part of every task, the last rank first, and then what the first one does at the end."""
    counter = HashStore()
    task_settings = run_settings(folder)
    size = len(sessions)
    for rank in reversed(range(size)):
        rank_group, session, prepared_tasks = RankGroup(counter, rank, size), sessions[rank], []
        for number, task in enumerate(tasks):
            prepared = prepare(session, task, task_settings)
            remaining = torchrun.execute_claims(session, prepared, rank_group=rank_group, number=number)
            prepared_tasks.append((prepared, remaining))
    return [
        runner.finish_for_ranks(session, prepared, remaining, rank_group=rank_group, number=n)
        for n, (prepared, remaining) in enumerate(prepared_tasks)
    ]


def test_promise_7_ranks_do_not_change_results_and_equal_requests_of_two_tasks_run_once(tmp_path: Path) -> None:
    tasks = [make_task("one"), make_task("two")]
    make_data(tmp_path)
    asked: list[str] = []

    def reply(asking: Request) -> str:
        asked.append(asking.key)
        return "yes" if int(asking.sample_id[1:]) % 3 else "perhaps"

    sessions = [FakeSession(reply=reply) for _ in range(3)]
    shared = ranks_run(tmp_path, tasks, sessions)
    assert len(asked) == len(set(asked)) == 60
    assert [o.calls for o in shared] == [60, 0]
    assert [o.record.complete for o in shared] == [True, True]
    assert [o.record.execution.device for o in shared] == ["cpu", "cpu"]
    make_data(tmp_path / "alone")
    alone = [runner.run(FakeSession(reply=reply), task, run_settings(tmp_path / "alone")) for task in tasks]
    for one, other in zip(shared, alone, strict=True):
        for name in ("scores.jsonl", "stats.json"):
            assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_ranks_load_no_model_for_what_is_answered_and_ask_only_the_rest(tmp_path: Path) -> None:
    make_data(tmp_path)
    runner.run(FakeSession(), make_task(), run_settings(tmp_path, limit=45))
    sessions = [FakeSession(), FakeSession()]
    (outcome,) = ranks_run(tmp_path, [make_task()], sessions)
    assert (outcome.calls, outcome.record.complete) == (15, True)
    again = [FakeSession(), FakeSession()]
    (outcome,) = ranks_run(tmp_path, [make_task()], again)
    assert [session.loads for session in again] == [0, 0]
    assert outcome.record.complete is True


def test_an_error_on_any_rank_is_that_samples_and_is_not_retried_by_the_first(tmp_path: Path) -> None:
    make_data(tmp_path)
    tries: list[str] = []

    def reply(asking: Request) -> str:
        if asking.sample_id == "q3":
            tries.append(asking.sample_id)
            raise RuntimeError("shape mismatch")
        return "yes"

    (outcome,) = ranks_run(tmp_path, [make_task()], [FakeSession(reply=reply, batch=1) for _ in "12"])
    assert outcome.record.scoring.problems == {"q3": "RuntimeError: shape mismatch"}
    assert tries == ["q3"]
    assert outcome.record.complete is False
