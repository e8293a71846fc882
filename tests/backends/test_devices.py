"""Devices: chosen or refused before anything is loaded, equal replies on an emulated NPU, and what a broken one costs.

The NPU is torch's open device slot, compiled from tests/npu/device.cpp (once; the library stays in pytest's cache).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evalkit.backends.device import check_torch, choose, is_out_of_memory
from evalkit.errors import ModelError, ResumableError
from evalkit.registry.spec import Batch
from evalkit.run.batching import GIVE_UP_AFTER, Stream
from evalkit.types import Generation, Request, Response
from tests import ROOT
from tests.fakes import FakeEngine, Prepared
from tests.npu import replies
from tests.npu.build import environment, library

# --- a device by name

ABSENT = [
    "cuda:99",
    "npu:0",
    "tpu",
    "mps",  # torch lists every kernel that it has instead
    "gpu",  # and here every kind of device
    "meta",  # torch puts tensors there gladly, and never gives one back
]


@pytest.mark.parametrize("name", ABSENT)
def test_an_unavailable_device_is_one_sentence_with_code_2(name: str) -> None:
    with pytest.raises(ModelError, match=rf"--device {name} cannot be used here \(.*use one of: cpu") as raised:
        choose(name)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 150
    assert raised.value.code == 2


def test_the_device_that_accelerate_found_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("NPU function error: aclrtMalloc, error code is 507899\nsecond line")

    monkeypatch.setattr(torch, "zeros", broken)
    with pytest.raises(
        ResumableError, match=r"cannot be used \(NPU function error: aclrtMalloc.* is 507899\)"
    ) as raised:
        choose()
    assert raised.value.code == 75


# --- a device that breaks while it answers

AT_ONCE = [
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported",
    "HIP error: an illegal memory access was encountered",
    "NPU function error: AclrtSynchronizeStreamWithTimeout, error code is 507015",
]
IN_A_ROW = [
    "MPS backend: command buffer exited with error status",
    "NPU function error: call aclnnInplaceCopy failed, error code is 161002\nERR00100 PTA call acl api failed.",
]


class Breaking(FakeEngine):
    """An engine whose device is lost at the request `at`: no later call succeeds either."""

    def __init__(self, error: str, at: int) -> None:
        super().__init__()
        self.error, self.at, self.lost = error, at, False

    def generate(self, batch: Sequence[Prepared]) -> list[Response]:
        self.lost = self.lost or any(int(item.request.sample_id) == self.at for item in batch)
        if self.lost:
            raise RuntimeError(self.error)
        return [Response(key=item.request.key, text="yes") for item in batch]


ONE_LEFT, MANY_LEFT = 41, 100


def ask_breaking(error: str, count: int, batch: int) -> tuple[ResumableError, list[Response]]:
    """What ends a run of so many requests whose device is lost at the 40th, and what was answered."""
    got: list[Response] = []
    asked = [
        Request(key=f"k{n}", sample_id=str(n), view=0, messages=(), generation=Generation(max_new_tokens=1))
        for n in range(count)
    ]
    stream = Stream(Breaking(error, at=40), batch=Batch(count=batch), workers=0, sink=got.extend)
    with pytest.raises(ResumableError) as raised:
        stream.run(asked)
    assert raised.value.code == 75
    assert "\n" not in str(raised.value)
    assert not is_out_of_memory(RuntimeError(error))
    return raised.value, got


@pytest.mark.parametrize("error", AT_ONCE)
@pytest.mark.parametrize(("batch", "count"), [(1, ONE_LEFT), (1, MANY_LEFT), (8, ONE_LEFT), (8, MANY_LEFT)])
def test_a_device_known_to_be_lost_ends_the_run_and_costs_no_answer(error: str, batch: int, count: int) -> None:
    raised, got = ask_breaking(error, count, batch)
    assert str(raised).startswith("the device was lost in the batch that begins with sample 40: RuntimeError: ")
    assert [r.error for r in got] == [None] * 40


@pytest.mark.parametrize("error", IN_A_ROW)
@pytest.mark.parametrize("batch", [1, 8])
def test_a_device_that_fails_in_other_words_is_lost_after_many(error: str, batch: int) -> None:
    raised, got = ask_breaking(error, MANY_LEFT, batch)
    assert "16 requests in a row, last on sample 55: RuntimeError: " in str(raised)
    assert [r.error is None for r in got] == [True] * 40 + [False] * GIVE_UP_AFTER


# --- an NPU without its hardware


@pytest.fixture(scope="module")
def npu(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache = request.config.cache
    folder = cache.mkdir("npu") if cache else tmp_path_factory.mktemp("npu")
    store = str(tmp_path_factory.mktemp("evalkit"))
    return environment(library(folder), EVALKIT_CACHE=store, HF_HUB_OFFLINE="1")


@pytest.fixture(scope="module")
def found(npu: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `tests.npu.replies` found on npu:1, in a process of its own: a device cannot be taken back."""
    pack = Path(os.environ.get("EVALKIT_SHARED", ROOT.parent / "shared")) / "packs" / "phi3v"
    scratch = tmp_path_factory.mktemp("pictures")
    command = ["-m", "tests.npu.replies", "npu:1", str(scratch), *([str(pack)] if pack.is_dir() else [])]
    done = _python(command, npu)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return read


@pytest.mark.slow
def test_accelerate_finds_the_npu_and_a_name_selects_another(found: dict[str, Any]) -> None:
    assert found["chosen"] == "npu"
    assert found["pocket"]["facts"]["device"] == "npu:1"


@pytest.mark.slow
def test_the_emulated_npu_refuses_what_a_real_one_refuses(found: dict[str, Any]) -> None:
    """Otherwise a tensor forgotten on the CPU would pass below."""
    refused = found["refused"]
    assert set(refused) == {"cpu", "index", "embedding", "numpy", "absent"}
    for mistake in ("cpu", "index", "embedding"):
        assert "same device" in refused[mistake], mistake
    assert refused["absent"].startswith("--device npu:5 cannot be used here (NPU error, invalid device id 5")
    assert refused["absent"].endswith("use one of: cpu, npu:0, npu:1")


@pytest.mark.slow
def test_doctor_names_the_npus(found: dict[str, Any]) -> None:
    assert "device       npu; --device takes cpu, npu:0, npu:1\n" in found["doctor"]


@pytest.mark.slow
def test_the_bundled_model_says_on_the_npu_what_it_says_on_the_cpu(found: dict[str, Any], tmp_path: Path) -> None:
    """Greedy, drawn and stopped replies; text, one and two pictures; alone and in a batch that shares a prefill."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the other process: sums of more threads have another order
    try:
        expected = replies.pocket("cpu", tmp_path)
    finally:
        torch.set_num_threads(threads)
    assert {**found["pocket"], "facts": {}} == {**expected, "facts": {}}
    assert found["pocket"]["facts"]["dtype"] == expected["facts"]["dtype"] == "float32"
    assert len(set(expected["alone"])) > 2, "replies that are all alike prove nothing"


@pytest.mark.slow
@pytest.mark.parametrize("case", replies.CASES)
def test_phi3_vision_says_on_the_npu_what_the_reference_says(shared: Path, found: dict[str, Any], case: str) -> None:
    assert (shared / "packs" / "phi3v").is_dir()
    said = found["phi3v"][case]
    assert said["device"] == "npu:1"
    assert said["tokens"] == said["reference"]


@pytest.mark.slow
def test_a_run_whose_npu_breaks_ends_with_75_and_the_same_command_finishes_it(
    npu: dict[str, str], tmp_path: Path
) -> None:
    command = ["-m", "evalkit", "run", "--model", "pocket-vlm", "--task", "mini_pope", "--limit", "40", "--batch", "4"]
    command += ["--out", str(tmp_path)]
    broken = _python(command, {**npu, "NPU_BREAKS_AT": "3000"})
    assert broken.returncode == 75, broken.stderr
    assert "error code is 507015" in broken.stderr
    assert "run the same command again" in broken.stderr
    (log,) = tmp_path.glob("*/*/responses-*.jsonl")
    before = _answered(log)
    assert before
    finished = _python(command, npu)
    assert finished.returncode == 0, finished.stderr
    record = json.loads(log.with_name("run.json").read_text())
    assert (
        record["execution"]["device"],
        record["scoring"]["counts"]["answered"],
        record["scoring"]["counts"]["errors"],
    ) == ("npu:0", 40, 0)
    assert record["execution"]["calls"] == record["scoring"]["counts"]["unique"] - len(before)


def test_a_machine_without_torch_is_not_told_that_it_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"^torch cannot be loaded \(.*\); install it for this platform"):
        check_torch()


# --- torch-npu where its libraries are not

REAL = "libhccl.so: cannot open shared object file: No such file or directory"  # what torch-npu 2.13 says without CANN


@pytest.fixture(scope="module")
def unloadable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A torch-npu as pip installs it, with its entry point for torch, that ends as the real one without CANN."""
    site = tmp_path_factory.mktemp("site")
    facts = site / "torch_npu-1.9.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: torch-npu\nVersion: 1.9.0\n")
    (facts / "entry_points.txt").write_text("[torch.backends]\ntorch_npu = torch_npu:_autoload\n")
    (site / "torch_npu").mkdir()
    (site / "torch_npu" / "__init__.py").write_text(f"raise ImportError({REAL!r})\n")
    return site


@pytest.mark.slow
@pytest.mark.parametrize("autoload", ["1", "0"], ids=["torch cannot be imported", "torch can, transformers cannot"])
def test_a_run_with_an_unloadable_torch_npu_is_one_sentence(unloadable: Path, autoload: str, tmp_path: Path) -> None:
    command = ["-m", "evalkit", "run", "--model", "pocket-vlm", "--task", "mini_pope", "--limit", "2", "--quiet"]
    process = {**os.environ, "PYTHONPATH": str(unloadable), "TORCH_DEVICE_BACKEND_AUTOLOAD": autoload}
    done = _python([*command, "--out", str(tmp_path)], process)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "torch-npu" in line]
    assert f"torch-npu is installed but cannot be loaded ({REAL}); source CANN's set_env.sh" in line
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_doctor_survives_an_import_of_torch_that_raises(unloadable: Path) -> None:
    done = _python(["-m", "evalkit", "doctor"], {**os.environ, "PYTHONPATH": str(unloadable)})
    assert done.returncode == 0, done.stderr
    for words in (REAL, "set_env.sh", "TORCH_DEVICE_BACKEND_AUTOLOAD=0", "1.9.0 does NOT fit torch", "registry"):
        assert words in done.stdout


@pytest.mark.slow
def test_doctor_tells_of_a_driver_without_a_device(npu: dict[str, str]) -> None:
    done = _python(["-m", "evalkit", "doctor"], {**npu, "NPU_DEVICES": "0"})
    assert done.returncode == 0, done.stderr
    assert "device       cpu; --device takes cpu\n" in done.stdout
    assert "torch-npu sees no device: look at `npu-smi info`" in done.stdout


def _python(arguments: Sequence[str], process: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=process, capture_output=True, text=True)


def _answered(log: Path) -> set[str]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {line["key"] for line in lines if not line.get("error")}
