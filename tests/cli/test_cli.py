"""The command line as a user meets it: exit codes, one sentence per failure, nothing heavy before it is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from evalkit.cli.entry import main
from tests import ROOT
from tests.run.test_runner import make_data

HEAVY = ("torch", "transformers", "accelerate", "datasets", "pandas", "PIL", "numpy", "av", "pyarrow", "scipy")

TASK = """\
name: yesno
title: {en: Yes or no}
samples: 60
source: {kind: jsonl, path: data.jsonl}
columns: {id: id, question: question, answer: answer, images: image, groups: {half: half}}
adapter: {kind: yes_no}
generation: {max_new_tokens: 8}
metrics:
  accuracy: {kind: accuracy, by: [half]}
headline: accuracy
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task file with its sixty questions beside it."""
    make_data(tmp_path)
    (tmp_path / "yesno.yaml").write_text(TASK)
    return tmp_path / "yesno.yaml"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("arguments", [["--help"], ["list", "tasks"], ["list", "models"], ["list", "cards"]])
def test_promise_10_importing_does_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom evalkit.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "[]"
    assert found.stdout


def test_list_tasks_names_every_registered_task(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "tasks")
    assert code == 0
    names = {line.split()[0] for line in out.splitlines()}
    assert {"mmmu_val", "mmbench_dev_en", "blink_val", "videomme", "textvqa_val", "pope", "mini_pope"} <= names


def test_run_scores_and_prints_a_table(capsys: pytest.CaptureFixture[str], task: Path, tmp_path: Path) -> None:
    code, out, err = run(capsys, "run", "--model", "always-yes", "--task", task, "--out", tmp_path / "r")
    assert code == 0, err
    assert "always-yes  yesno" in out.replace("   ", "  ")
    assert " 50.0 " in out
    assert "60/60" in err


def test_limit_is_a_share_of_each_task(capsys: pytest.CaptureFixture[str], task: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    make_data(tmp_path / "b", count=30)
    other = tmp_path / "b" / "other.yaml"
    other.write_text(TASK.replace("yesno", "other").replace("60", "30"))
    code, out, _ = run(
        capsys,
        "run",
        "--model",
        "always-yes",
        "--task",
        task,
        "--task",
        other,
        "--limit",
        "0.1",
        "--out",
        tmp_path / "r",
    )
    assert code == 0
    planned = [
        json.loads((tmp_path / "r/always-yes" / n / "run.json").read_text())["scoring"]["counts"]["planned"]
        for n in ("yesno", "other")
    ]
    assert planned == [6, 3]
    assert "incomplete" in out


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda t: t.replace("{max_new", "{mx_new"), 2, ["yesno.yaml:7:14", "did you mean max_new_tokens?"]),
        (lambda t: t.replace("samples: 60", "samples: 61"), 4, ["60", "61"]),
        (lambda t: t.replace("images: image", "images: imge"), 4, ["imge", "image"]),
        (lambda t: t.replace("path: data.jsonl", "path: dta.jsonl"), 4, ["dta.jsonl"]),
    ],
    ids=["unknown key", "wrong count", "missing column", "missing data"],
)  # fmt: skip
def test_bad_input_is_one_sentence_with_its_exit_code(
    capsys: pytest.CaptureFixture[str], task: Path, tmp_path: Path, change: object, code: int, words: list[str]
) -> None:
    task.write_text(change(TASK))  # type: ignore[operator]
    got, out, err = run(capsys, "run", "--model", "always-yes", "--task", task, "--out", tmp_path / "r", "--quiet")
    assert got == code
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--task", "mmu_val"], ["unknown task 'mmu_val'", "did you mean mmmu_val?"]),
        (["run", "--model", "/no/such/folder"], ["/no/such/folder"]),
        (["run", "--suite", "mimi"], ["unknown suite 'mimi'", "did you mean mini?"]),
        (["report", "--card", "phi"], ["unknown card 'phi'"]),
        (["score", "/no/such/results"], ["/no/such/results"]),
        (["score", "--task", "pope"], ["--predictions"]),
    ],
)
def test_what_does_not_exist_is_named_with_a_suggestion(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    for word in words:
        assert word in err


@pytest.mark.parametrize("argument", ["0", "-3", "1.5", "many"])
def test_a_senseless_limit_is_a_usage_error(capsys: pytest.CaptureFixture[str], argument: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "--limit", argument])
    assert stop.value.code == 2
    assert "--limit" in capsys.readouterr().err


def test_one_corrupt_picture_is_listed_and_ends_with_4(
    capsys: pytest.CaptureFixture[str], task: Path, tmp_path: Path
) -> None:
    (tmp_path / "pictures" / "7.png").write_bytes(b"not a picture")
    code, out, err = run(capsys, "run", "--model", "always-yes", "--task", task, "--out", tmp_path / "r")
    assert code == 0, "a model that looks at no picture is not stopped by a corrupt one"
    (tmp_path / "pictures" / "7.png").unlink()
    code, out, err = run(capsys, "run", "--model", "always-yes", "--task", task, "--out", tmp_path / "r")
    assert code == 4
    assert "sample q7" in err
    assert "7.png" in err
    assert "60" in out


def test_the_second_task_breaking_keeps_the_first_ones_scores(
    capsys: pytest.CaptureFixture[str], task: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.yaml").write_text(TASK.replace("yesno", "broken").replace("60", "61"))
    (tmp_path / "third.yaml").write_text(TASK.replace("yesno", "third"))
    code, out, err = run(
        capsys, "run", "--model", "always-yes", "--out", tmp_path / "r", "--quiet",
        "--task", task, "--task", tmp_path / "broken.yaml", "--task", tmp_path / "third.yaml",
    )  # fmt: skip
    assert code == 4
    assert "broken" in err
    assert "yesno" in out
    assert "third" in out
    assert (tmp_path / "r/always-yes/yesno/stats.json").is_file()


def test_score_repeats_a_run_without_a_model(capsys: pytest.CaptureFixture[str], task: Path, tmp_path: Path) -> None:
    run(capsys, "run", "--model", "always-yes", "--task", task, "--out", tmp_path / "r")
    stats = tmp_path / "r/always-yes/yesno/stats.json"
    before = stats.read_bytes()
    stats.unlink()
    code, out, err = run(capsys, "score", tmp_path / "r", "--json")
    assert code == 0, err
    assert stats.read_bytes() == before
    (found,) = json.loads(out)
    assert set(found) == {"task", "rule", "n", "unparsed", "complete", "stats"}
    limits, kind = {"value", "n", "stderr", "low", "high"}, {"unit", "clusters", "interval", "method"}
    assert set(found["stats"][0]) == {"metric", "where", *limits, *kind}


def test_an_error_in_the_unit_of_the_answers_is_not_printed_as_percent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = [{"id": str(n), "question": "How many?", "answer": "10", "reply": str(10 + n % 4)} for n in range(20)]
    for name in ("data.jsonl", "replies.jsonl"):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    metric = "{kind: mean_absolute_error, unparsed: 5}"
    (tmp_path / "count.yaml").write_text(
        TASK.replace("yesno", "count")
        .replace("samples: 60", "samples: 20")
        .replace(", images: image, groups: {half: half}", "")
        .replace("adapter: {kind: yes_no}", 'adapter: {kind: number, prompt: "{question}"}')
        .replace("{kind: accuracy, by: [half]}", metric)
    )
    replies = ["--predictions", tmp_path / "replies.jsonl", "--field", "reply", "--out", tmp_path / "r"]
    code, out, err = run(capsys, "score", "--task", tmp_path / "count.yaml", *replies)
    assert code == 0, err
    assert re.search(r"count +1\.5 +0\.963\d? - 2\.037 +20 ", out), out


def test_predictions_are_scored_by_id_and_a_missing_one_makes_them_incomplete(
    capsys: pytest.CaptureFixture[str], task: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [{"id": f"q{i}", "answer": "Yes." if i % 2 else "No.", "more": 1} for i in range(60)]
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    arguments = ["score", "--task", task, "--predictions", file, "--field", "answer", "--json"]
    code, out, _ = run(capsys, *arguments, "--out", tmp_path / "kept")
    assert code == 0
    assert json.loads(out)["stats"][0]["value"] == 1.0
    assert (tmp_path / "kept/mine/yesno/run.json").is_file()
    file.write_text("".join(json.dumps(r) + "\n" for r in rows[1:]))
    code, out, err = run(capsys, *arguments)
    assert code == 4
    assert json.loads(out)["complete"] is False
    assert json.loads(out)["n"] == 60
    assert "q0" in err


def test_promise_11_no_secret_reaches_a_result(
    capsys: pytest.CaptureFixture[str], task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "s3cr3t-value")
    _, out, err = run(capsys, "run", "--model", "always-yes", "--task", task, "--out", tmp_path / "r")
    written = b"".join(f.read_bytes() for f in (tmp_path / "r").rglob("*") if f.is_file())
    assert "s3cr3t" not in out + err
    assert b"s3cr3t" not in written


def test_promise_11_a_sample_id_never_becomes_a_path(task: Path, tmp_path: Path) -> None:
    text = (tmp_path / "data.jsonl").read_text().replace('"q7"', '"../../../q7"')
    (tmp_path / "data.jsonl").write_text(text)
    assert main(["run", "--model", "always-yes", "--task", str(task), "--out", str(tmp_path / "r"), "--quiet"]) == 0
    assert not list(tmp_path.parent.glob("q7*"))


def test_an_interrupted_run_ends_with_130(tmp_path: Path, task: Path) -> None:
    script = (
        "import evalkit.run.runner as r\n"
        "def stop(*a, **k): raise KeyboardInterrupt\n"
        "r.execute_locally = stop\n"
        "from evalkit.cli import main\n"
        f"raise SystemExit(main(['run', '--model', 'always-yes', '--task', {str(task)!r}, '--out', {str(tmp_path)!r}]))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=dict(os.environ))
    assert found.returncode == 130
    assert "Traceback" not in found.stderr


def test_check_proves_the_bundled_tasks_and_lists_the_unpinned(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check")
    assert code == 0, err
    assert "mini_pope.yaml: valid; 432 gold replies score 1, 432 wrong ones 0" in out
    assert "unpinned: task mmmu_val: MMMU/MMMU at main" in out


def test_show_prints_a_prompt_with_the_places_of_its_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "task", "mini_mmmu")
    assert code == 0
    assert "[picture " in out
    assert "a perfect model says" in out


def test_doctor_names_versions_devices_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    for word in ("python", "torch", "transformers", "device", "registry", "hub"):
        assert word in out
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    packages = [re.split(r"[><=]", name)[0] for extra in extras.keys() - {"dev"} for name in extras[extra]]
    assert {name for name in packages if f"\n{name:<12} " not in out} == set()


@pytest.mark.parametrize(
    ("cache", "condition"),
    [("", "writable"), ("new/deep", "made when it is needed"), ("file/deep", "name another one as EVALKIT_CACHE")],
)
def test_doctor_says_whether_the_cache_can_be_written(
    cache: str, condition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / cache))
    _, out, _ = run(capsys, "doctor")
    assert re.search(rf"(?m)^cache .*{condition}$", out)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("check", "pope.yaml", "--schema", "{no}/s"), "choose another --schema"),
        (("report", "--card", "mini", "--output", "{no}/s"), "choose another --output"),
        (("run", "--model", "always-yes", "--task", "mini_pope", "--out", "{no}"), "choose another --out"),
    ],
)
def test_where_nothing_can_be_written_is_told_in_a_sentence(
    arguments: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT / "tasks")
    (tmp_path / "file").write_text("no folder")
    code, _, err = run(capsys, *(word.format(no=tmp_path / "file") for word in arguments))
    assert code == 2
    assert re.search(rf"file.* cannot be written \(.*\); {told}$", err)


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "file"))
    code, _, err = run(capsys, "run", "--model", "always-yes", "--task", "mini_pope", "--out", str(tmp_path / "out"))
    assert code == 2
    assert "name another folder as EVALKIT_CACHE" in err
