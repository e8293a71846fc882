"""One command asks nothing twice; a run says how fast it was; scores do not depend on how prefills are shared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from PIL import Image as Pillow

from evalkit.backends import kv_cache, shared_prefix
from evalkit.backends.checkpoint_files import ASSETS
from evalkit.backends.engine import Prefix
from evalkit.cli import entry
from evalkit.data.sources import DataPlaces
from evalkit.errors import ModelError
from evalkit.media.cache import MediaCache
from evalkit.registry.spec import ModelSpec, TaskSpec
from evalkit.run import outcome, response_log, runner
from evalkit.run.local import CallTotals
from evalkit.run.outcome import Outcome
from evalkit.run.prepare import TaskSettings
from evalkit.run.progress import SilentProgress
from evalkit.run.session import Session
from tests import models

pytestmark = pytest.mark.slow

ROWS = 24


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four questions on four pictures."""
    folder = tmp_path_factory.mktemp("data")
    for n in range(4):
        Pillow.new("RGB", (40, 30), (60 * n, 255 - 60 * n, 7 * n)).save(folder / f"{n}.png")
    rows = [
        {"id": str(n), "question": f"w{n} w{n % 5} ?", "answer": "yes", "image": f"{n % 4}.png"} for n in range(ROWS)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "half.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:12]))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.llava(tmp_path_factory.mktemp("model") / "llava")


def task(name: str, *, file: str = "data.jsonl", count: int = ROWS, new: int = 4) -> TaskSpec:
    raw: dict[str, Any] = {
        "name": name,
        "title": {"en": name},
        "samples": count,
        "source": {"kind": "jsonl", "path": file},
        "columns": {"id": "id", "question": "question", "answer": "answer", "images": "image"},
        "adapter": {"kind": "short_answer", "prompt": "{question}"},
        "generation": {"max_new_tokens": new},
        "metrics": {"accuracy": {"kind": "accuracy"}},
        "headline": "accuracy",
    }
    return msgspec.convert(raw, TaskSpec)


def session(model: Path, **settings: Any) -> Session:
    raw = {"name": "tiny", "backend": {"kind": "transformers", "model": str(model), "dtype": "float32"}, **settings}
    return Session(msgspec.convert(raw, ModelSpec), device="cpu")


def run(made: Session, spec: TaskSpec, data: Path, out: Path) -> Outcome:
    places = DataPlaces(media_cache=MediaCache(out / "media"), bundled=data, folder=data)
    return runner.run(made, spec, TaskSettings(out=out, places=places, progress=SilentProgress()))


def replies(outcome: Outcome) -> dict[str, str]:
    return {key: response.text for key, response in response_log.read_responses(outcome.folder).responses.items()}


# --- equal requests of several tasks


def test_what_another_task_of_the_run_asked_is_not_asked_again(model: Path, data: Path, tmp_path: Path) -> None:
    made = session(model)
    half = run(made, task("half", file="half.jsonl", count=12), data, tmp_path)
    whole = run(made, task("whole"), data, tmp_path)
    again = run(made, task("again"), data, tmp_path)
    assert [o.calls for o in (half, whole, again)] == [12, 12, 0]
    assert replies(half).items() <= replies(whole).items()
    assert replies(again) == replies(whole)
    assert again.scores == whole.scores
    assert again.record.complete
    assert (again.record.execution.device, again.record.execution.dtype) == ("cpu", "float32"), (
        "of the replies, whoever asked for them"
    )


def test_other_generation_settings_are_other_requests(model: Path, data: Path, tmp_path: Path) -> None:
    made = session(model)
    run(made, task("short"), data, tmp_path)
    assert run(made, task("long", new=5), data, tmp_path).calls == ROWS


def test_errors_are_asked_again_in_the_next_task(model: Path, data: Path, tmp_path: Path) -> None:
    made = session(model)
    engine: Any = made.engine()
    bare = engine.model.forward

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no luck")

    engine.model.forward = broken
    first = run(made, task("first", file="half.jsonl", count=12), data, tmp_path)
    engine.model.forward = bare
    assert first.record.scoring.counts.errors == 12
    assert not made.answers
    second = run(made, task("second", file="half.jsonl", count=12), data, tmp_path)
    assert (second.calls, second.record.scoring.counts.errors) == (12, 0)


# --- the choice, and what run.json says


@pytest.mark.parametrize(
    ("choice", "told"), [({}, "on"), ({"share_prefix": "on"}, "on"), ({"share_prefix": "off"}, "off (switched off)")]
)
def test_run_json_tells_how_prefills_were_read_and_how_busy_the_model_was(
    choice: dict[str, str], told: str, model: Path, data: Path, tmp_path: Path
) -> None:
    outcome = run(session(model, **choice), task("t"), data, tmp_path)
    written = json.loads((outcome.folder / "run.json").read_text())
    assert written["execution"]["share_prefix"] == told
    assert 0 < written["execution"]["busy_percent"] <= 100
    assert written["execution"]["busy"] <= written["execution"]["seconds"]


def test_promise_3_sharing_is_no_part_of_the_key(model: Path, data: Path, tmp_path: Path) -> None:
    on = run(session(model), task("t"), data, tmp_path / "on")
    off = run(session(model, share_prefix="off"), task("t"), data, tmp_path / "off")
    assert replies(on) == replies(off)
    assert on.scores == off.scores
    assert len(set(replies(on).values())) > 12, "the tiny model must tell its prompts apart"


def test_a_model_that_cannot_share_says_so(tmp_path: Path, data: Path) -> None:
    qwen = models.qwen2_vl(tmp_path / "qwen")
    outcome = run(session(qwen), task("t", file="half.jsonl", count=12), data, tmp_path)
    assert outcome.record.execution.share_prefix == "off (qwen2_vl gives pictures positions of several dimensions)"
    with pytest.raises(ModelError, match="write auto or off"):
        run(session(qwen, share_prefix="on"), task("u"), data, tmp_path)


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="share_prefix"):
        session(Path("m"), share_prefix="maybe")


def test_the_models_share_of_the_time() -> None:
    assert CallTotals(4, 3.0, 4.0).busy_percent == 75.0
    assert CallTotals().busy_percent == 0.0


# --- how beginnings are read and kept


def held(*lengths: int, rows: int = 1) -> Any:
    """A cache of two layers with numbers in it for each length."""
    from transformers import DynamicCache

    caches = []
    for length in lengths:
        cache = DynamicCache()
        for layer in range(2):
            cache.update(*torch.randn(2, rows, 3, length, 4), layer)
        caches.append(cache)
    return caches


def test_what_follows_is_written_behind_each_rows_own_beginning() -> None:
    long, short = held(5, 3, rows=2)
    ones = torch.ones(2, 5, dtype=torch.long)
    rows = [
        kv_cache.CachedPrefix(long, ones, 1),
        kv_cache.CachedPrefix(long, ones, 1),
        kv_cache.CachedPrefix(short, ones[:, :3], 0),
    ]
    rows += [kv_cache.CachedPrefix(long, ones, 0)]
    made = kv_cache.expand_cache(rows, new=2)
    assert kv_cache.expand_masks(rows).tolist() == [[1] * 5, [1] * 5, [0, 0, 1, 1, 1], [1] * 5]
    nothing = torch.zeros(3, 2, 4)
    expected = torch.stack(
        [
            long.layers[1].keys[1],
            long.layers[1].keys[1],
            torch.cat([nothing, short.layers[1].keys[0]], dim=1),
            long.layers[1].keys[0],
        ]
    )
    assert torch.equal(made.layers[1].keys, expected)
    for _ in range(kv_cache.SPARE_POSITIONS + 9):
        more = torch.randn(2, 4, 3, 1, 4)
        keys, _values = made.update(*more, 1)
        expected = torch.cat([expected, more[0]], dim=2)
    assert torch.equal(keys, expected), "also where the space did not suffice"
    assert torch.equal(made.layers[1].values[:, :, -1:], more[1])
    assert made.get_seq_length(1) == 5 + kv_cache.SPARE_POSITIONS + 9
    assert made.get_seq_length(0) == 5


BATCHES = [
    ("all at once where nothing bounds it", None, [("a", 9), ("b", 2)], [["a", "b"]]),
    ("as many as fit, the shorter ones padded", 10, [("a", 4), ("b", 5), ("c", 1)], [["a", "b"], ["c"]]),
    ("one that is too long goes alone", 3, [("a", 4), ("b", 1), ("c", 1)], [["a"], ["b", "c"]]),
    ("each once", 10, [("a", 4), ("b", 4), ("a", 4)], [["a", "b"]]),
]


@pytest.mark.parametrize(("reason", "most", "prefixes", "expected"), BATCHES, ids=[case[0] for case in BATCHES])
def test_prefixes_are_read_in_portions(
    reason: str, most: int | None, prefixes: list[tuple[str, int]], expected: list[list[str]]
) -> None:
    assert shared_prefix.prefill_batches([Prefix(*prefix) for prefix in prefixes], most) == expected, reason


@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 12, 20])
def test_portions_and_long_replies_leave_the_tokens_as_they_are(
    most: int, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = task("t", new=kv_cache.SPARE_POSITIONS + 20)
    off = run(session(model, share_prefix="off"), spec, data, tmp_path / "off")
    monkeypatch.setattr(shared_prefix, "CPU_PREFILL", most)
    assert replies(run(session(model, batch={"count": 24}), spec, data, tmp_path / "on")) == replies(off)


# --- the shipped model


def test_promise_3_the_shipped_models_scores_are_equal_with_and_without(tmp_path: Path) -> None:
    if not (ASSETS / "pocket-vlm" / "config.json").is_file():
        pytest.skip("evalkit/assets/pocket-vlm is not in this checkout")
    found = {}
    for choice, told in (("on", "on"), ("off", "off (switched off)")):
        out = tmp_path / choice
        common = ["--limit", "72", "--out", str(out), "--share-prefix", choice, "--quiet", "--device", "cpu"]
        assert entry.main(["run", "--model", "pocket-vlm", "--task", "mini_pope", *common]) == 0
        place = outcome.folder(out, "pocket-vlm", "mini_pope")
        assert json.loads((place / "run.json").read_text())["execution"]["share_prefix"] == told
        found[choice] = [json.loads((place / "stats.json").read_text()), (place / "scores.jsonl").read_text()]
    assert found["on"] == found["off"]
