"""Several ranks: every request asked by one of them, files equal to those of one process, and a dead rank resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributed import HashStore, TCPStore

from evalkit import plan, runner
from evalkit.cli import main
from evalkit.execute import launcher
from evalkit.execute.launcher import Crew, Report
from evalkit.execute.local import Work
from evalkit.execute.progress import Progress
from evalkit.outcome import Outcome
from evalkit.types import Generation, Image, Message, Request, ResumableError, Text
from tests.npu.build import environment, library
from tests.test_runner import FakeSession, make_data, make_task
from tests.test_runner import settings as run_settings

ROOT = Path(__file__).resolve().parent.parent
QUIET = Progress(quiet=True)


def request(number: int, picture: int = -1) -> Request:
    parts = (*([Image("p", str(picture))] if picture >= 0 else []), Text("?" * number))
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
    ranks = [Crew(counter, rank, size).claims(0, units, todo) for rank in range(size)]
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
    one, two = (Crew(counter, rank, 2).claims(0, units, todo) for rank in range(2))
    assert [next(one).key, next(two).key, next(one).key] == ["k3", "k2", "k1"]
    assert list(two) == []
    assert [r.key for r in Crew(counter, 1, 2).claims(0, units[:2], todo)] == ["k3", "k2"]
    assert len(list(Crew(counter, 1, 2).claims(1, units, todo))) == 3, "another task has its own count"


def test_replies_of_the_others_are_counted() -> None:
    counter = HashStore()
    one, two = (Crew(counter, rank, 2).replied(0) for rank in range(2))
    assert [one(4), two(2), two(1), one(1), one(0)] == [0, 4, 0, 3, 0]


def test_a_rank_that_is_silent_for_too_long_ends_the_run_with_75() -> None:
    crew = Crew(HashStore(), 0, 3, patience=0.3)
    crew.report(5, Report(Work(calls=2)))
    Crew(crew._store, 1, 3).report(5, Report())
    with pytest.raises(ResumableError, match=r"^rank 2 has been silent for 0 s; run the same command again$"):
        crew.reports(5, QUIET)


def test_a_rank_that_still_replies_is_waited_for() -> None:
    counter = HashStore()
    crew, late = Crew(counter, 0, 2, patience=0.5), Crew(counter, 1, 2)
    crew.report(0, Report(Work(1, 1.0, 2.0), {"device": "cuda:0"}, "on"))

    def slow() -> None:
        tell = late.replied(0)
        for _ in range(8):
            time.sleep(0.15)
            tell(1)
        late.report(0, Report(Work(3, 2.0, 4.0), {"device": "cuda:1"}, "on"))

    thread = threading.Thread(target=slow)
    thread.start()
    session = FakeSession()
    work = launcher.gather(session, crew=crew, task=0, progress=QUIET)
    thread.join()
    assert (work, work.busy_percent) == (Work(4, 3.0, 6.0), 50.0)
    assert (session.facts, session.share_prefix) == ({"device": "cuda:0 + cuda:1"}, "on")


def test_a_launcher_that_is_gone_is_one_sentence() -> None:
    server = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    crew = Crew(TCPStore("127.0.0.1", server.port, is_master=False, timeout=timedelta(seconds=1)), 0, 2)
    crew.report(0, Report())
    del server
    time.sleep(0.2)
    with pytest.raises(ResumableError, match=r"^the launcher's store does not answer \(.*run the same command again$"):
        crew.report(1, Report())


# --- whole tasks, ranks after another in this process


def ranks_run(folder: Path, tasks: Sequence[Any], sessions: Sequence[FakeSession]) -> list[Outcome]:
    """Every rank's part of every task, the last rank first, and then what the first one does at the end."""
    counter = HashStore()
    place = run_settings(folder)
    size = len(sessions)
    for rank in reversed(range(size)):
        crew, session, left = Crew(counter, rank, size), sessions[rank], []
        for number, task in enumerate(tasks):
            ready = runner.prepare(session, task, place)
            mine = launcher.share(
                session, ready.planned, ready.todo, ready.place, crew=crew, task=number, progress=QUIET
            )
            left.append((ready, mine))
    return [runner.gather(session, ready, mine, crew=crew, number=n) for n, (ready, mine) in enumerate(left)]


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
    assert [o.record.model_calls for o in shared] == [60, 0]
    assert [o.record.complete for o in shared] == [True, True]
    assert [o.record.device for o in shared] == ["cpu", "cpu"]
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
    assert (outcome.record.model_calls, outcome.record.complete) == (15, True)
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
    assert outcome.record.problems == {"q3": "RuntimeError: shape mismatch"}
    assert tries == ["q3"]
    assert outcome.record.complete is False


# --- the environment and the command line


RANK_1 = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "RANK": "1"}
REFUSED = [
    (RANK_1, ["run", "--executor", "ray"], "ray starts workers of its own; call it once"),
    (RANK_1, ["run", "--device", "cuda:0"], "--device cuda:0 would put every rank on one device"),
    (RANK_1, ["score"], "`evalkit score` is the work of one process"),
    ({}, ["run", "--actors", "2"], "--actors counts the workers of --executor ray"),
    ({}, ["run", "--executor", "ray", "--judge", "always-yes"], "`evalkit score --judge MODEL`"),
    ({}, ["run", "--executor", "ray", "--device", "npu:1"], "ray gives each worker its own"),
]


@pytest.mark.parametrize(("environment", "arguments", "words"), REFUSED, ids=[case[2][:24] for case in REFUSED])
def test_what_cannot_be_meant_is_refused_in_one_sentence(
    environment: dict[str, str],
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


ALONE = [
    ({"ACCELERATE_MIXED_PRECISION": "no", "MASTER_ADDR": "127.0.0.1"}, "accelerate launch was asked for several"),
    ({"WORLD_SIZE": "8", "RANK": "3"}, "WORLD_SIZE is 8, but no launcher started this process, which runs alone"),
    ({"MASTER_ADDR": "10.0.0.1"}, ""),
    ({"ACCELERATE_MIXED_PRECISION": "no"}, ""),
    ({"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "1", "RANK": "0"}, ""),
]


@pytest.mark.parametrize(
    ("environment", "words"), ALONE, ids=["accelerate --cpu", "bare", "address", "one", "torchrun 1"]
)
def test_a_process_that_others_were_asked_for_beside_says_that_it_is_alone(
    environment: dict[str, str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["run", "--model", "always-yes", "--task", "mini_pope", "--out", str(tmp_path)]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("evalkit: ")]
    assert (words in told[0]) if words else not told


def test_a_rank_whose_device_is_broken_exits_with_75(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    for name, value in RANK_1.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch, "zeros", broken)
    assert main(["run"]) == 75
    assert "this process's device cannot be used (CUDA error: an illegal" in capsys.readouterr().err


def test_every_rank_takes_the_device_of_its_number(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """On the two emulated NPUs of test_devices.py; a third rank has none."""
    folder = request.config.cache.mkdir("npu") if request.config.cache else tmp_path
    code = (
        "from evalkit.execute.launcher import device_of\n"
        "from evalkit.types import ResumableError\n"
        "print(*(device_of(rank, asked=asked) for asked in ('', 'cpu') for rank in (0, 1)))\n"
        "try:\n    device_of(2, asked='')\nexcept ResumableError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(library(folder)), capture_output=True)
    first, second = done.stdout.decode().splitlines()
    assert first == "npu:0 npu:1 cpu cpu"
    assert second.startswith("this process's device cannot be used (NPU error, invalid device id 2, 2 devices are")


# --- torchrun itself

SLOW = """
import sys, time
from evalkit.backends.baseline import BaselineEngine
from evalkit.cli import main
quick, replied = BaselineEngine.generate, []
def slow(self, batch):
    time.sleep(0.06 if len(replied) < 40 else 0)  # long enough to be killed in
    replied.extend(batch)
    return quick(self, batch)
BaselineEngine.generate = slow
raise SystemExit(main(sys.argv[1:]))
"""
TASKS = ["--task", "mini_mmbench", "--task", "mini_mmbench_circular", "--limit", "60"]
COMMAND = ["run", "--model", "first-option", *TASKS, "--device", "cpu", "--batch", "1", "--workers", "1", "--out"]


def launch(script: Path, out: Path, *options: str, kill_at: int) -> tuple[int, str, list[str]]:
    """torchrun with two ranks, one killed when so many replies are there; its exit code, its stdout, those replies."""
    process_environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", *options, str(script)]
    with (out.parent / "err").open("w") as err:
        process = subprocess.Popen(
            [*torchrun, *COMMAND, str(out)], env=process_environment, stdout=subprocess.PIPE, stderr=err
        )
        while len(said(out)) < kill_at and process.poll() is None:
            time.sleep(0.02)
        (rank,) = [p for p in psutil.Process(process.pid).children() if p.environ().get("RANK") == "1"]
        rank.kill()
        before = said(out)
        return process.wait(), process.communicate()[0].decode(), before


def test_promise_4_ranks_are_killed_and_the_same_command_finishes_with_the_files_of_one_process(tmp_path: Path) -> None:
    """By a second launch, and by the launcher's restart. The model is a baseline: real ones take long to load."""
    script, out = tmp_path / "slow.py", tmp_path / "ranks"
    script.write_text(SLOW)
    code, _, first = launch(script, out, kill_at=6)
    assert (code, list(out.rglob("run.json"))) == (1, []), "the launcher ends the other rank and says so"
    code, stdout, second = launch(script, out, "--max-restarts", "1", kill_at=len(said(out)) + 6)
    assert code == 0, (tmp_path / "err").read_text()
    assert stdout.count("mini_mmbench_circular") == 1, "one rank prints"
    assert main([*COMMAND, str(tmp_path / "alone"), "--quiet"]) == 0
    for task in ("mini_mmbench", "mini_mmbench_circular"):
        one, other = tmp_path / "alone/first-option" / task, out / "first-option" / task
        for name in ("scores.jsonl", "stats.json"):
            assert (one / name).read_bytes() == (other / name).read_bytes()
        assert sorted(said(other)) == sorted(said(one)), "every request once, none twice"
    record = json.loads((out / "first-option/mini_mmbench/run.json").read_text())
    assert 0 < record["model_calls"] <= 60 - len(second)
    assert len(first) < len(second)
    assert list(out.rglob("responses-1.jsonl")), "both ranks asked"


def said(folder: Path) -> list[str]:
    """Keys of whole lines in all logs below a folder."""
    found = []
    for log in folder.rglob("responses-*.jsonl"):
        found += [line for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [json.loads(line)["key"] for line in found]
