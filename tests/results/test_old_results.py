"""Every verb that reads runs takes the folders that version 0.1.0 wrote, and prints the numbers of their stats.json.

The folders, with the commands that made them, are in tests/fixtures/results-0.1.0. A run on a whole task, a blind run,
recorded replies, a run of 12 samples and one of a tenth of its samples are among them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.entry import main
from tests import TESTS

OLD = TESTS / "fixtures" / "results-0.1.0"
WHOLE = ["always-yes", "always-yes+blind", "majority", "talker"]
PARTIAL = [("majority", "mini_blink", "12"), ("always-yes", "mini_pope", "0.1")]
RUNS = [*((model, "colours") for model in WHOLE), *((model, task) for model, task, _ in PARTIAL)]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results folder of a copy, with the copy as working directory: the paths in its records are relative."""
    shutil.copytree(OLD, tmp_path / "old")
    monkeypatch.chdir(tmp_path / "old")
    return Path("results")


def figures(stats: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """Each stat's numbers, by metric and group; later versions may add fields or word `method` in another way."""
    numbers = ("value", "n", "stderr", "low", "high")
    return {(s["metric"], json.dumps(s["where"], sort_keys=True)): tuple(s[name] for name in numbers) for s in stats}


def written(model: str, task: str, folder: Path = OLD / "results") -> dict[tuple[str, str], Any]:
    """The figures in the stats.json of a run, by default as version 0.1.0 wrote them."""
    return figures(json.loads((folder / model / task / "stats.json").read_text()))


def call(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    """The command's stdout, after its exit code was looked at."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == code
    return capsys.readouterr().out


def percent(figure: tuple[float, ...]) -> str:
    return f"{100 * figure[0]:.1f}"


def test_score_recomputes_the_numbers_of_stats_json(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = {file: file.read_bytes() for file in old.rglob("responses-*.jsonl")}
    out = call(capsys, "score", old)
    for model, task in RUNS:
        assert written(model, task, old) == written(model, task)
        assert percent(written(model, task)["accuracy", "{}"]) in out
    assert {file: file.read_bytes() for file in old.rglob("responses-*.jsonl")} == logs


def test_score_takes_the_folder_of_one_run(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "score", old / "talker" / "colours")
    assert written("talker", "colours", old) == written("talker", "colours")


def test_report_prints_the_numbers_of_stats_json(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, "report", "--card", "card.yaml", old, "--format", "json", "--allow-incomplete")
    (table,) = json.loads(out)["tables"]
    cells = [cell for line in table["lines"] for cell in line["cells"] if cell["kind"] == "measured"]
    assert sorted(cell["run"] for cell in cells) == sorted(
        f"results/{model}/{task}" for model, task in [*RUNS, *((model, "colours") for model in WHOLE)]
    )  # of the whole runs also the F1
    for cell in cells:
        _, model, task = cell["run"].split("/")
        assert figures([cell["stat"]]).items() <= written(model, task).items()
        assert cell["complete"] == (task == "colours")


def test_report_leaves_incomplete_runs_out(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, "report", "--card", "card.yaml", old, "--format", "json")
    runs = {cell.get("run") for line in json.loads(out)["tables"][0]["lines"] for cell in line["cells"]}
    assert runs - {None} == {f"results/{model}/colours" for model in WHOLE}


@pytest.mark.parametrize("model", WHOLE)
def test_a_run_compared_with_itself_differs_in_nothing(
    old: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    run = old / model / "colours"
    assert "every answer is the same" in call(capsys, "compare", run, run)


@pytest.mark.parametrize(("model", "task", "limit"), PARTIAL)
def test_an_incomplete_run_is_compared_if_that_is_allowed(
    old: Path, capsys: pytest.CaptureFixture[str], model: str, task: str, limit: str
) -> None:
    run = old / model / task
    assert f"limit {limit}" in call(capsys, "compare", run, run, code=3)
    assert "every answer is the same" in call(capsys, "compare", run, run, "--allow", "partial")


def test_two_old_runs_are_compared(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "compare", old / "always-yes" / "colours", old / "talker" / "colours", "--json", "comparison.json")
    (line,) = json.loads(Path("comparison.json").read_text())["lines"]
    assert (line["base"]["value"], line["candidate"]["value"]) == (0.4, 0.8)


def test_explain_repeats_the_numbers_of_stats_json(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explained = json.loads(call(capsys, "explain", old, "--json"))
    assert sorted((run["model"], run["task"]) for run in explained) == sorted(RUNS)
    for run in explained:
        assert figures(run["default"]["stats"]) == written(run["model"], run["task"])


def test_show_traces_a_sample_to_its_reply(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = call(capsys, "show", "run", old / "talker" / "colours", "--sample", "blue-red")
    assert "Is the picture red?" in text
    assert "I cannot tell" in text
    assert "val_Art_Style_1" in call(capsys, "show", "run", old / "majority" / "mini_blink")


def test_leaderboard_prints_the_numbers_of_stats_json(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "leaderboard", old, "--out", "site")
    page = Path("site/index.html").read_text()
    for model in WHOLE:
        assert percent(written(model, "colours")["accuracy", "{}"]) in page


@pytest.mark.parametrize("kind", ["model-index", "lm-eval", "vlmevalkit", "inspect", "every-eval-ever"])
def test_export_writes_whole_runs_and_refuses_incomplete_ones(
    old: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    publisher = ["--organization", "Example", "--relationship", "other"] if kind == "every-eval-ever" else []
    call(capsys, "export", "--to", kind, *publisher, "--out", "exported", *(old / model / "colours" for model in WHOLE))
    assert [file for file in Path("exported").rglob("*") if file.is_file()]
    call(capsys, "export", "--to", kind, *publisher, "--out", "more", old / "majority" / "mini_blink", code=4)


@pytest.mark.parametrize(
    ("model", "task", "more"),
    [
        ("always-yes", "tasks/colours.yaml", []),
        ("always-yes", "tasks/colours.yaml", ["--blind"]),
        ("majority", "mini_blink", ["--limit", "12"]),
        ("always-yes", "mini_pope", ["--limit", "0.1"]),
    ],
)
def test_the_same_command_finds_every_reply_in_the_old_log(
    old: Path, capsys: pytest.CaptureFixture[str], model: str, task: str, more: list[str]
) -> None:
    """A changed request key would ask again, and append to the log."""
    folder = old / (model + ("+blind" if "--blind" in more else "")) / Path(task).stem
    log = (folder / "responses-0.jsonl").read_bytes()
    call(capsys, "run", "--model", model, "--task", task, *more, "--out", old, "--quiet")
    assert [file.read_bytes() for file in folder.glob("responses-*.jsonl")] == [log]
    assert written(folder.parent.name, folder.name, old) == written(folder.parent.name, folder.name)
