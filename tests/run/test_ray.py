"""Workers of a real ray cluster on this machine: equal files, a killed worker's units asked again, failures told."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from evalkit.cli.entry import main
from evalkit.errors import EvalkitError, ModelError, ResumableError
from evalkit.registry.spec import Batch, ModelSpec
from evalkit.run import ray as ray_executor
from evalkit.run import response_log, runner
from evalkit.run.ray import RayExecutor
from evalkit.run.session import Session
from evalkit.types import Response, Value
from tests.fakes import FakeEngine, Prepared
from tests.run.test_runner import make_data, make_task, settings


class Clumsy(Value, frozen=True, kw_only=True):
    """A backend that fails in a way of its choice at one sample; where `once` is a file, only while that is missing."""

    recorded: ClassVar[bool] = False
    generates: ClassVar[bool] = True

    way: str = ""
    once: str = ""

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        return {"kind": "clumsy"}

    def check(self) -> None:
        """Nothing can be missing."""

    def load(self, *, device: str = "") -> Any:
        if self.way == "load":
            raise ModelError("model.safetensors is broken; download it again")
        return ClumsyEngine(self)


class ClumsyEngine(FakeEngine):
    def __init__(self, backend: Clumsy) -> None:
        super().__init__(lambda request: "yes" if int(request.sample_id[1:]) % 3 else "no")
        self.backend, self.broken = backend, False

    def generate(self, batch: Sequence[Prepared]) -> list[Response]:
        time.sleep(0.002)
        if any(item.request.sample_id == "q9" for item in batch) and not Path(self.backend.once or "/none").exists():
            if self.backend.way == "die":
                if self.backend.once:
                    Path(self.backend.once).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            self.broken = self.backend.way == "device"
        if self.broken:
            raise RuntimeError("the driver does not answer")
        return super().generate(batch)


def session(**backend: str) -> Session:
    backend_: Any = Clumsy(**backend)
    return Session(ModelSpec(name="clumsy", backend=backend_, batch=Batch(count=2), workers=1), device="cpu")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="ray is not installed; pip install 'evalkit-vlm[ray]'")
    yield
    ray.shutdown()


def keys(folder: Path) -> list[str]:
    return [line.split('"')[3] for log in folder.glob("responses-*.jsonl") for line in log.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_costs_nothing_and_the_files_are_those_of_one_process(tmp_path: Path) -> None:
    make_data(tmp_path)
    make_data(tmp_path / "alone")
    alone = runner.run(session(), make_task(), settings(tmp_path / "alone"))
    marker = tmp_path / "died"
    with closing(RayExecutor(actors=2)) as executor:
        made = session(way="die", once=str(marker))
        found = runner.run(made, make_task(), settings(tmp_path), execute=executor)
        again = runner.run(made, make_task("again"), settings(tmp_path), execute=executor)
    assert marker.exists()
    assert (found.calls, found.record.complete, found.record.execution.device) == (60, True, "cpu")
    assert again.calls == 0, "equal requests of another task"
    assert [f.name for f in found.folder.glob("responses-*")] == ["responses-0.jsonl"], "one writer"
    assert len(keys(found.folder)) == len(set(keys(found.folder))) == 60
    for name in ("scores.jsonl", "stats.json"):
        assert (found.folder / name).read_bytes() == (alone.folder / name).read_bytes()


FAILURES = [
    ("load", ModelError, r"^model\.safetensors is broken; download it again$", 2),
    ("device", ResumableError, r"^the model failed on 16 requests in a row.*does not answer; mend the cause", 75),
    ("die", ResumableError, r"^a ray worker is lost \(.*run the same command again$", 75),
]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("way", "kind", "words", "code"), FAILURES, ids=[case[0] for case in FAILURES])
def test_what_a_worker_cannot_mend_ends_the_run_and_keeps_the_replies(
    tmp_path: Path, way: str, kind: type[EvalkitError], words: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_executor, "RESTARTS", 0)
    make_data(tmp_path)
    with closing(RayExecutor(actors=1)) as executor, pytest.raises(kind, match=words) as raised:
        runner.run(session(way=way), make_task(), settings(tmp_path), execute=executor)
    assert raised.value.code == code
    log = response_log.read_responses(tmp_path / "results/clumsy/yesno")
    answered = sum(response.error is None for response in log.responses.values())
    assert answered == (0 if way == "load" else 8), "the unit before the one with q9"


def test_a_missing_ray_is_one_sentence_with_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    command = ["run", "--executor", "ray", "--model", "always-yes", "--task", "mini_pope", "--out", str(tmp_path)]
    assert main([*command, "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("--executor ray needs the package ray; pip install 'evalkit-vlm[ray]'")
