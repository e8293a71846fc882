"""Names of models and tasks: nothing silently replaces the numbers of something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.cli.entry import main

TASK = """\
name: colours
title: {en: Colours}
samples: 2
source: {kind: jsonl, path: q.jsonl}
columns: {id: id, question: q, answer: gold}
adapter: {kind: yes_no}
generation: {max_new_tokens: 8}
metrics: {accuracy: {kind: accuracy}}
headline: accuracy
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    (tmp_path / "q.jsonl").write_text("".join(json.dumps({"id": n, "q": "?", "gold": "yes"}) + "\n" for n in "ab"))
    (tmp_path / "colours.yaml").write_text(TASK)
    return tmp_path / "colours.yaml"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("llava-1.5-7b.jsonl", "llava-1.5-7b"),
        ("llava-1.5-13b.jsonl", "llava-1.5-13b"),
        ("qwen2.5.json", "qwen2.5"),
        (".5b.jsonl", "5b"),
    ],
)
def test_a_predictions_file_keeps_the_dots_of_its_name(file: str, name: str, task: Path) -> None:
    (task.parent / file).write_text('{"id": "a", "prediction": "yes"}\n{"id": "b", "prediction": "no"}\n')
    out = task.parent / "out"
    assert main(["score", "--task", str(task), "--predictions", str(task.parent / file), "--out", str(out)]) == 0
    assert (out / name / "colours" / "run.json").is_file()


def test_another_model_of_the_same_name_is_refused_and_a_name_helps(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, strategy in enumerate(('"yes"', "random")):
        folder = task.parent / f"exp{number}"
        folder.mkdir()
        (folder / "m.yaml").write_text(f"name: m\nbackend: {{kind: baseline, strategy: {{kind: {strategy}}}}}\n")
    models = sorted(task.parent.glob("exp*/m.yaml"))
    out = ["--task", str(task), "--out", str(task.parent / "out")]
    assert main(["run", "--model", str(models[0]), *out]) == 0
    assert main(["run", "--model", str(models[1]), *out]) == 2
    assert "holds another model called 'm'" in capsys.readouterr().err
    assert main(["run", "--model", str(models[1]), "--name", "m-random", *out]) == 0
    assert {folder.name for folder in (task.parent / "out").iterdir()} == {"m", "m-random"}


def test_two_tasks_of_one_name_in_one_command_are_refused(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = task.parent / "other"
    other.mkdir()
    (other / "colours.yaml").write_text(TASK.replace("samples: 2", "samples: 3"))
    command = ["run", "--model", "always-yes", "--task", str(task), "--task", str(other / "colours.yaml")]
    assert main([*command, "--out", str(task.parent / "out")]) == 2
    assert "another task named here is called 'colours', too" in capsys.readouterr().err
