"""The functions that a notebook calls, on the bundled model, rows in memory and a function as the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from PIL import Image as Pillow

import evalkit
from evalkit.errors import EvaluationError, IncompleteError
from evalkit.run.progress import ProgressEvent
from evalkit.types import Request, Text

COLOURS = ("red", "green", "blue", "white", "red", "blue")
TASK: dict[str, Any] = {
    "name": "colours",
    "title": {"en": "Colours"},
    "samples": len(COLOURS),
    "source": {"kind": "memory"},
    "columns": {
        "id": "id",
        "question": "question",
        "choices": "options",
        "answer": {"kind": "letter", "column": "answer"},
        "images": "image",
        "groups": {"colour": "answer"},
    },
    "adapter": {"kind": "multiple_choice"},
    "generation": {"max_new_tokens": 8},
    "metrics": {"accuracy": {"kind": "accuracy", "by": ["colour"]}},
    "headline": "accuracy",
}


def rows(folder: Path) -> list[dict[str, Any]]:
    """One picture and question each; the gold letter is A for red, B otherwise."""
    made = []
    for number, colour in enumerate(COLOURS):
        picture = folder / f"{number}.png"
        Pillow.new("RGB", (48, 48), colour).save(picture)
        letter = "A" if colour == "red" else "B"
        options = ["red", colour if colour != "red" else "green"]
        made.append(
            {
                "id": f"q{number}",
                "question": "What colour is the picture?",
                "options": options,
                "answer": letter,
                "image": str(picture),
            }
        )
    return made


def as_dataset(rows: list[dict[str, Any]]) -> Any:
    return Dataset.from_list(rows)


def as_frame(rows: list[dict[str, Any]]) -> Any:
    import pandas

    return pandas.DataFrame(rows)


def always_a(requests: list[Request]) -> list[str]:
    return ["A" for _ in requests]


def evaluate(model: Any, folder: Path, rows: Any, **settings: Any) -> evalkit.Run:
    places: dict[str, Any] = {"out": folder / "results", "cache": folder / "cache", "progress": False}
    (run,) = evalkit.evaluate(model, tasks=[TASK], rows=rows, **{**places, **settings})
    return run


@pytest.mark.parametrize("form", [list, as_dataset, as_frame], ids=["dicts", "Dataset", "DataFrame"])
def test_rows_in_memory_ask_the_same_requests_in_every_form(form: Callable[[Any], Any], tmp_path: Path) -> None:
    expected = evaluate(always_a, tmp_path / "dicts", rows(tmp_path))
    run = evaluate(always_a, tmp_path / "other", form(rows(tmp_path)))
    assert run.responses.keys() == expected.responses.keys()
    assert [run.headline.value, run.headline.n] == [2 / 6, 6]  # type: ignore[union-attr]
    assert run.record.complete
    frame = run.frame()
    assert list(frame["sample_id"]) == [f"q{n}" for n in range(6)]
    assert list(frame["reply"]) == ["A"] * 6
    assert list(frame["group.colour"]) == list(frame["target"])


@pytest.mark.slow
def test_the_bundled_model_on_rows(tmp_path: Path) -> None:
    run = evaluate("pocket-vlm", tmp_path, rows(tmp_path))
    assert run.record.execution.calls == 4, "two colours are shown twice, and equal requests run once"
    again = evaluate("pocket-vlm", tmp_path, rows(tmp_path))
    assert (again.calls, again.record.execution) == (0, run.record.execution)
    assert again.scores == run.scores


def test_an_edited_function_is_another_model_that_wants_a_name_of_its_own(tmp_path: Path) -> None:
    first = evaluate(always_a, tmp_path, rows(tmp_path))
    assert evaluate(always_a, tmp_path, rows(tmp_path)).calls == 0
    named = evaluate(always_a, tmp_path, rows(tmp_path), name="guesser")
    assert (named.calls, named.folder.parent.name) == (4, "guesser")

    def always_a_again(requests: list[Request]) -> list[str]:
        return ["A" for _ in requests]

    always_a_again.__qualname__ = always_a.__qualname__
    with pytest.raises(EvaluationError, match="holds another model called 'always_a', which differs in source; give"):
        evaluate(always_a_again, tmp_path, rows(tmp_path))
    assert evaluate(always_a_again, tmp_path, rows(tmp_path), name="again").calls == 4
    assert first.record.model.origin == "model"


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda requests: ["A"] * (len(requests) - 1), "returned 0 replies to 1 requests"),
        (lambda requests: [None for _ in requests], "returned NoneType where a text is expected"),
    ],
)
def test_what_a_function_must_not_return_is_a_reason_of_each_sample(function: Any, reason: str, tmp_path: Path) -> None:
    run = evaluate(function, tmp_path, rows(tmp_path), name="f")
    assert not run.record.complete
    assert any(reason in problem for problem in run.record.scoring.problems.values())


def test_a_function_sees_the_prompt_and_its_pictures(tmp_path: Path) -> None:
    seen: list[Request] = []

    def model(requests: list[Request]) -> list[str]:
        seen.extend(requests)
        return ["B" for _ in requests]

    evaluate(model, tmp_path, rows(tmp_path))
    texts = [part.text for part in seen[0].messages[0].parts if isinstance(part, Text)]
    assert "What colour is the picture?" in "".join(texts)
    assert [Path(medium.path).name for medium in seen[0].media] == ["0.png"]


def test_progress_is_a_callback(tmp_path: Path) -> None:
    events: list[ProgressEvent] = []
    evaluate(always_a, tmp_path, rows(tmp_path), progress=events.append)
    assert events[-1] == ProgressEvent(label="always_a / colours", done=4, total=4)


def test_nothing_is_printed_and_a_failure_is_the_sentence_of_the_command_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(evalkit.EvalkitError, match="unknown task 'mini_pop', did you mean mini_pope"):
        evalkit.evaluate("first-option", tasks=["mini_pop"], out=tmp_path, progress=False)
    with pytest.raises(evalkit.EvalkitError, match="name the tasks"):
        evalkit.evaluate("first-option", out=tmp_path, progress=False)
    assert capfd.readouterr() == ("", "")


def test_tasks_that_fail_do_not_take_the_others_along(tmp_path: Path) -> None:
    broken = {**TASK, "name": "memory_without_rows"}
    with pytest.raises(EvaluationError, match="1 of 2 tasks failed: first-option on memory_without_rows") as caught:
        evalkit.evaluate(
            "first-option", tasks=[broken, "mini_mmbench"], out=tmp_path, cache=tmp_path / "c", limit=4, progress=False
        )
    assert [run.record.task.name for run in caught.value.runs] == ["mini_mmbench"]
    assert caught.value.code == 4


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two baselines on a mini task."""
    for model in ("always-yes", "first-option"):
        evalkit.evaluate(
            model, tasks="mini_pope", out=tmp_path / "results", cache=tmp_path / "cache", limit=40, progress=False
        )
    return tmp_path / "results"


def test_a_run_is_read_again(results: Path) -> None:
    run = evalkit.Run.load(results / "always-yes" / "mini_pope")
    assert len(run.scores) == len(run.samples) == len(run.frame()) == 40
    assert run.record.task.limit == 40
    assert run.headline is not None
    assert run.headline.value == run.stats[0].value
    with pytest.raises(IncompleteError, match=r"run\.json: cannot be read"):
        evalkit.Run.load(results)


def test_runs_are_compared_and_reported(results: Path, tmp_path: Path) -> None:
    base, candidate = results / "always-yes", results / "first-option"
    diff = evalkit.compare(base, candidate, allow=["partial"], flips=2)
    assert diff.verdict in {"pass", "fail", "inconclusive"}
    assert len(diff.flips) <= 4
    assert evalkit.compare(base, candidate).verdict == "not comparable", "limited runs are no results"
    again = evalkit.compare([evalkit.Run.load(base / "mini_pope")], candidate, allow=["partial"], flips=2)
    assert again == diff
    table = evalkit.report("mini", [base, candidate], allow_incomplete=True).frame()
    assert table["ours"].notna().any().all()
    page = evalkit.leaderboard(results, tmp_path / "site", allow_incomplete=True)
    assert page.name == "index.html"
    assert page.is_file()


def test_replies_are_scored_and_explained_without_a_model(tmp_path: Path) -> None:
    replies = {f"q{n}": "A" for n in range(6)}
    run = evalkit.score(TASK, replies, rows=rows(tmp_path), cache=tmp_path / "cache")
    assert run.headline is not None
    assert run.headline.value == 2 / 6
    assert list(run.frame()["step"].unique()) != [""]
    file = tmp_path / "replies.jsonl"
    file.write_text("".join(json.dumps({"id": name, "said": text}) + "\n" for name, text in replies.items()))
    kept = evalkit.score(TASK, file, field="said", rows=rows(tmp_path), out=tmp_path / "kept", name="m")
    assert kept.scores == run.scores
    assert evalkit.Run.load(tmp_path / "kept/m/colours").stats == run.stats
    rules = {**TASK, "rules": {"official": {"kind": "videomme"}}}
    explanation = evalkit.explain(rules, replies, rows=rows(tmp_path), cache=tmp_path / "cache")
    assert list(explanation.frame()["rule"]) == ["default", "official"]


def test_one_reply_that_lacks_makes_the_run_incomplete(tmp_path: Path) -> None:
    told: list[str] = []
    run = evalkit.score(TASK, {"q0": "A", "zz": "B"}, rows=rows(tmp_path), cache=tmp_path / "c", notify=told.append)
    assert not run.record.complete
    assert told == ["predictions: 1 lines belong to no sample, the first is 'zz'"]
