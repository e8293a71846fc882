"""A launcher around the command: what cannot be meant, whose device is whose, and killed ranks resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from evalkit.cli.entry import main
from tests import ROOT
from tests.npu.build import environment, library

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


@pytest.mark.slow
def test_every_rank_takes_the_device_of_its_number(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """On the two emulated NPUs of test_devices.py; a third rank has none."""
    folder = request.config.cache.mkdir("npu") if request.config.cache else tmp_path
    code = (
        "from evalkit.run.torchrun import device_of\n"
        "from evalkit.errors import ResumableError\n"
        "print(*(device_of(rank, name=name) for name in ('', 'cpu') for rank in (0, 1)))\n"
        "try:\n    device_of(2, name='')\nexcept ResumableError as error:\n    print(error)\n"
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


@pytest.mark.slow
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
    assert 0 < record["execution"]["calls"] <= 60 - len(second)
    assert len(first) < len(second)
    assert list(out.rglob("responses-1.jsonl")), "both ranks asked"


def said(folder: Path) -> list[str]:
    """Keys of whole lines in all logs below a folder."""
    found = []
    for log in folder.rglob("responses-*.jsonl"):
        found += [line for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [json.loads(line)["key"] for line in found]
