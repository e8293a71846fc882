"""One model on one task from end to end: what breaks costs what broke, and nothing is asked twice."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image as Pillow

import evalkit
from evalkit.backends.baseline import AlwaysYes, Baseline
from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.registry.spec import Batch, ModelSpec, TaskSpec
from evalkit.results.run import Run
from evalkit.run import provenance, response_log, runner
from evalkit.run.outcome import Outcome
from evalkit.run.prepare import TaskSettings
from evalkit.run.progress import SilentProgress
from evalkit.run.session import Session
from evalkit.types import Request
from tests.fakes import FakeEngine


class FakeSession(Session):
    """A session with a FakeEngine for a model; counts how often it is loaded."""

    def __init__(
        self, *, weights: str = "w1", reply: Callable[[Request], str] = lambda request: "yes", batch: int = 4
    ) -> None:
        super().__init__(ModelSpec(name="fake", backend=Baseline(strategy=AlwaysYes()), batch=Batch(count=batch)))
        self._identity = {"kind": "fake", "weights": weights}
        self._reply = reply
        self.loads = 0

    def engine(self) -> Any:
        self.loads += 1
        self.facts = {"device": "cpu", "dtype": "float32"}
        return FakeEngine(self._reply)


def make_data(folder: Path, count: int = 60) -> None:
    """`count` yes/no questions, each on its own picture, in data.jsonl and pictures/."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    rows = []
    for i in range(count):
        Pillow.new("RGB", (8, 8), (i, 2 * i % 256, 0)).save(folder / "pictures" / f"{i}.png")
        answer = "yes" if i % 2 else "no"
        rows.append(
            {"id": f"q{i}", "question": "Is it?", "answer": answer, "image": f"pictures/{i}.png", "half": i % 2}
        )
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_task(name: str = "yesno", *, count: int = 60, prompt: str = "", new: int = 8) -> TaskSpec:
    raw: dict[str, Any] = {
        "name": name,
        "title": {"en": name},
        "samples": count,
        "source": {"kind": "jsonl", "path": "data.jsonl"},
        "columns": {
            "id": "id",
            "question": "{question}" + prompt,
            "answer": "answer",
            "images": "image",
            "groups": {"half": "half"},
        },
        "adapter": {"kind": "yes_no"},
        "generation": {"max_new_tokens": new},
        "metrics": {"accuracy": {"kind": "accuracy", "by": ["half"]}},
        "headline": "accuracy",
    }
    return msgspec.convert(raw, TaskSpec)


def settings(folder: Path, **more: Any) -> TaskSettings:
    media_cache = MediaCache(folder / "cache")
    places = DataPlaces(media_cache=media_cache, bundled=folder, folder=folder)
    return TaskSettings(out=folder / "results", places=places, progress=SilentProgress(), **more)


def value(outcome: Outcome, **where: str) -> float:
    return next(s.value for s in outcome.stats if s.metric == "accuracy" and dict(s.where) == where)


def test_a_run_writes_log_scores_stats_and_record(tmp_path: Path) -> None:
    make_data(tmp_path)
    outcome = runner.run(FakeSession(), make_task(), settings(tmp_path))
    assert outcome.folder == tmp_path / "results" / "fake" / "yesno"
    assert value(outcome) == 0.5
    assert value(outcome, half="1") == 1.0
    record = json.loads((outcome.folder / "run.json").read_text())
    assert record["complete"] is True
    assert record["scoring"]["counts"]["answered"] == 60
    assert record["execution"]["device"] == "cpu"
    assert record["execution"]["versions"]["torch"]
    assert record["execution"]["versions"]["transformers"]
    assert record["execution"]["versions"]["evalkit"] == evalkit.__version__
    assert len(record["execution"]["git_commit"].removesuffix("-dirty")) == 40
    assert len((outcome.folder / "scores.jsonl").read_text().splitlines()) == 60


def test_the_commit_is_asked_of_git_once_per_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_data(tmp_path)
    first = runner.run(FakeSession(), make_task(), settings(tmp_path)).record.execution.git_commit
    monkeypatch.setattr(provenance, "_git", lambda *_: "of a later commit")
    assert runner.run(FakeSession(), make_task(), settings(tmp_path)).record.execution.git_commit == first


def test_promise_9_a_number_is_traced_back_to_reply_prompt_and_picture(tmp_path: Path) -> None:
    make_data(tmp_path)
    outcome = runner.run(FakeSession(), make_task(), settings(tmp_path))
    stat = next(s for s in outcome.stats if s.where == {"half": "1"})
    mine = [s for s in outcome.scores if s.groups["half"] == "1"]
    assert stat.value == sum(s.value for s in mine) / stat.n
    assert stat.n == len(mine)
    keys = {line["key"] for line in map(json.loads, (outcome.folder / "responses-0.jsonl").read_text().splitlines())}
    assert len(keys) == 60


def test_a_fully_answered_run_is_repeated_without_loading_the_model(tmp_path: Path) -> None:
    make_data(tmp_path)
    first = runner.run(FakeSession(), make_task(), settings(tmp_path))
    backend = FakeSession()
    second = runner.run(backend, make_task(), settings(tmp_path))
    assert backend.loads == 0
    assert second.calls == 0
    assert second.stats == first.stats
    assert second.scores == first.scores
    assert second.record.execution.device == "cpu", "the record still says where the replies came from"


def test_other_weights_under_the_same_name_are_refused_and_nothing_is_replaced(tmp_path: Path) -> None:
    make_data(tmp_path)
    first = runner.run(FakeSession(), make_task(), settings(tmp_path))
    before = {file.name: file.read_bytes() for file in first.folder.iterdir()}
    backend = FakeSession(weights="w2")
    with pytest.raises(
        EvalkitError, match="holds another model called 'fake', which differs in weights; give this one"
    ):
        runner.run(backend, make_task(), settings(tmp_path))
    assert backend.loads == 0
    assert {file.name: file.read_bytes() for file in first.folder.iterdir()} == before


@pytest.mark.parametrize("change", ["prompt", "max_new_tokens", "pictures"])
def test_what_changes_replies_is_noticed_and_never_served_from_the_old_log(tmp_path: Path, change: str) -> None:
    make_data(tmp_path)
    runner.run(FakeSession(), make_task(), settings(tmp_path))
    backend = FakeSession()
    task = make_task(prompt=" Really?" if change == "prompt" else "", new=9 if change == "max_new_tokens" else 8)
    if change == "pictures":
        for i in range(60):
            Pillow.new("RGB", (8, 8), (i, 7, 7)).save(tmp_path / "pictures" / f"{i}.png")
    again = runner.run(backend, task, settings(tmp_path))
    assert again.calls == 60


@pytest.mark.parametrize("damage", ["corrupt", "missing", "empty"])
def test_one_bad_picture_of_sixty_leaves_fifty_nine(tmp_path: Path, damage: str) -> None:
    make_data(tmp_path)
    picture = tmp_path / "pictures" / "7.png"
    if damage == "missing":
        picture.unlink()
    else:
        picture.write_bytes(b"" if damage == "empty" else picture.read_bytes()[:40])
    outcome = runner.run(FakeSession(), make_task(), settings(tmp_path))
    assert list(outcome.record.scoring.problems) == ["q7"]
    assert "7.png" in outcome.record.scoring.problems["q7"]
    assert outcome.record.scoring.counts.answered == 59
    assert outcome.record.scoring.counts.errors == 1
    assert outcome.record.complete is False
    assert value(outcome) == 29 / 60, "the sample keeps its place in the denominator"
    assert all(stat.n == 60 for stat in outcome.stats if not stat.where)


def test_a_mended_picture_is_asked_and_nothing_else(tmp_path: Path) -> None:
    make_data(tmp_path)
    good = (tmp_path / "pictures" / "7.png").read_bytes()
    (tmp_path / "pictures" / "7.png").write_bytes(b"junk")
    runner.run(FakeSession(), make_task(), settings(tmp_path))
    (tmp_path / "pictures" / "7.png").write_bytes(good)
    mended = runner.run(FakeSession(), make_task(), settings(tmp_path))
    assert mended.calls == 1
    assert mended.record.complete is True


def test_a_model_that_raises_on_one_sample_costs_that_sample_and_is_retried(tmp_path: Path) -> None:
    make_data(tmp_path)

    def reply(request: Request) -> str:
        if request.sample_id == "q3":
            raise RuntimeError("shape mismatch")
        return "yes"

    outcome = runner.run(FakeSession(reply=reply), make_task(), settings(tmp_path))
    assert outcome.record.scoring.problems == {"q3": "RuntimeError: shape mismatch"}
    again = runner.run(FakeSession(), make_task(), settings(tmp_path))
    assert again.calls == 1
    assert again.record.complete is True


def test_promise_6_a_limited_run_is_never_complete(tmp_path: Path) -> None:
    make_data(tmp_path)
    outcome = runner.run(FakeSession(), make_task(), settings(tmp_path, limit=0.1))
    assert outcome.record.complete is False
    assert outcome.record.scoring.counts.planned == 6
    assert runner.run(FakeSession(), make_task(), settings(tmp_path)).calls == 54


def test_promise_7_batch_size_and_order_do_not_change_results(tmp_path: Path) -> None:
    results = []
    for batch in (1, 7, 64):
        make_data(tmp_path / str(batch))
        outcome = runner.run(
            FakeSession(reply=lambda r: r.key, batch=batch), make_task(), settings(tmp_path / str(batch))
        )
        results.append([(outcome.folder / name).read_bytes() for name in ("scores.jsonl", "stats.json")])
    assert results[0] == results[1] == results[2]


def test_data_of_different_content_have_different_fingerprints(tmp_path: Path) -> None:
    make_data(tmp_path)
    first = runner.run(FakeSession(), make_task(), settings(tmp_path)).record.data.digest
    rows = (tmp_path / "data.jsonl").read_text().replace("Is it?", "Is it so?", 1)
    (tmp_path / "data.jsonl").write_text(rows)
    assert runner.run(FakeSession(), make_task(), settings(tmp_path)).record.data.digest != first


def test_a_wrong_count_stops_before_anything_is_asked(tmp_path: Path) -> None:
    make_data(tmp_path, count=59)
    backend = FakeSession()
    with pytest.raises(IncompleteError, match=r"59.*60"):
        runner.run(backend, make_task(), settings(tmp_path))
    assert backend.loads == 0


def test_rescoring_needs_no_model_and_follows_todays_task_file(tmp_path: Path) -> None:
    make_data(tmp_path)
    outcome = runner.run(FakeSession(), make_task(), settings(tmp_path))
    recorded = Run.read(outcome.folder, settings(tmp_path).places)
    again = recorded.rescored(make_task(), progress=SilentProgress())
    assert again.stats == outcome.stats
    other = recorded.rescored(make_task(prompt=" New?"), progress=SilentProgress())
    assert other.record.scoring.counts.answered == 0
    assert other.record.complete is False


def test_a_damaged_log_line_is_asked_again(tmp_path: Path) -> None:
    make_data(tmp_path)
    outcome = runner.run(FakeSession(), make_task(), settings(tmp_path))
    log = outcome.folder / "responses-0.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:5], b"{damaged\n", *lines[6:]]))
    assert runner.run(FakeSession(), make_task(), settings(tmp_path)).calls == 1


def test_a_results_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    make_data(tmp_path)
    (tmp_path / "results").write_text("a file where a folder should be")
    with pytest.raises(EvalkitError, match="cannot be written"):
        runner.run(FakeSession(), make_task(), settings(tmp_path))


def ask_slowly(folder: Path) -> None:
    """A run that writes down every question in `folder`/asked before it replies."""
    asked = (folder / "asked").open("a")

    def reply(request: Request) -> str:
        asked.write(request.sample_id + "\n")
        asked.flush()
        time.sleep(0.002)
        return "yes"

    runner.run(FakeSession(reply=reply), make_task(count=240), settings(folder))


@pytest.mark.slow
def test_promise_4_killed_at_twenty_random_moments_the_same_command_finishes_the_rest(tmp_path: Path) -> None:
    make_data(tmp_path, count=240)
    processes = multiprocessing.get_context("forkserver")  # each with a state of its own, and started at once
    processes.set_forkserver_preload([__name__])
    moments, kills = random.Random(4), 0
    while kills < 20:
        process = processes.Process(target=ask_slowly, args=(tmp_path,))
        process.start()
        asked = tmp_path / "asked"
        before = asked.stat().st_size if asked.exists() else 0
        while process.is_alive() and (asked.stat().st_size if asked.exists() else 0) <= before:
            time.sleep(0.005)
        time.sleep(0.03 * moments.random())
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if (tmp_path / "results/fake/yesno/run.json").exists():
            break
    assert kills == 20, "the data must outlast the kills; make it larger"
    ask_slowly(tmp_path)
    folder = tmp_path / "results" / "fake" / "yesno"
    keys = [json.loads(line)["key"] for line in (folder / "responses-0.jsonl").read_bytes().splitlines()]
    assert len(keys) == len(set(keys)) == 240, "every request is answered, and no line stands twice"
    repeated = len((tmp_path / "asked").read_text().splitlines()) - 240
    assert repeated <= 4 * kills, "a kill costs at most one batch"
    assert json.loads((folder / "run.json").read_text())["complete"] is True
    assert response_log.read_responses(folder).damaged == ()
