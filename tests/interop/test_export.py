"""Exports read back by the tools they are for, or by their schema; nothing that a run does not know is in them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkit import digest
from evalkit.cli import arguments
from evalkit.cli.entry import main
from evalkit.interop.write import FORMATS, Publication, every_eval_ever, model_index
from evalkit.reporting import Run, read_runs
from tests import TESTS, boards, records

FIXTURES = TESTS / "fixtures"
READ_BACK = """
import json, sys
from inspect_ai.log import read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries
log = read_eval_log(sys.argv[1])
one = read_eval_log_sample(sys.argv[1], id=sys.argv[2], epoch=1)
accuracy = log.results.scores[0].metrics["accuracy"].value
print(json.dumps([log.status, accuracy, sorted(s.id for s in log.samples), one.output.completion,
    one.scores["evalkit"].value, len(read_eval_log_sample_summaries(sys.argv[1])), one.target]))
"""


INSPECT = FIXTURES / "inspect/requirements.txt"


@pytest.fixture(scope="session")
def inspect_python(request: pytest.FixtureRequest) -> str:
    """A Python that has inspect_ai: the one that EVALKIT_INSPECT_PYTHON names, else one kept in pytest's cache.

    It cannot be ours, since it asks for an older fsspec than we pin. The first test run on a machine spends a minute
    and 300 MB on it.
    """
    if "EVALKIT_INSPECT_PYTHON" in os.environ:
        return os.environ["EVALKIT_INSPECT_PYTHON"]
    home = request.config.cache.mkdir(f"inspect-{digest.of_file(INSPECT)[:8]}")
    python, ready = home / "bin" / "python", home / "ready"
    if not ready.exists():
        venv.create(home, with_pip=False, clear=True)
        install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
        limits = ["--only-binary", ":all:", "--retries", "0", "--timeout", "10"]
        made = subprocess.run([*install, *limits, "--requirement", str(INSPECT)], capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"inspect_ai could not be installed: {made.stderr.strip().splitlines()[-1]}")
        ready.touch()
    return str(python)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVALKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield boards.hostile(tmp_path_factory.mktemp("results"))


def export(results: Path, out: Path, to: str, *options: str) -> list[Path]:
    assert main(["export", "--to", to, str(results), "--out", str(out), *options]) == 0
    return sorted(file for file in out.rglob("*") if file.is_file())


def on_hub(results: Path) -> Run:
    """A run as one of a hub's data set is recorded: of `right`, with the hub's commit."""
    (run,) = [r for r in read_runs([results]) if r.record.model.name == "right"]
    source = {"kind": "huggingface", "path": "lmms-lab/POPE", "split": "test", "revision": "main"}
    spec = {**run.record.task.spec, "source": source}
    return run.replaced(record=records.changed(run.record, task_spec=spec, data_revision="a" * 40))


def test_the_command_line_offers_every_format() -> None:
    assert tuple(FORMATS) == arguments.EXPORTS


# --- Hugging Face


def test_model_index_is_read_back_by_the_hub_library(results: Path, tmp_path: Path) -> None:
    from huggingface_hub import ModelCardData

    file = next(f for f in export(results, tmp_path, "model-index") if f.parent.name == "harmful")
    card = ModelCardData(**yaml.safe_load(file.read_text()), model_name="harmful")
    assert card.eval_results
    (found,) = card.eval_results
    assert (found.metric_type, found.metric_value) == ("accuracy", 0.4)
    assert (found.dataset_type, found.dataset_revision, found.dataset_split) == ("yesno", None, None)
    assert found.dataset_name == "yesno <b>&"
    assert found.task_type == "image-text-to-text"
    assert found.metric_args == {"by": ["half"], "average": "micro", "unparsed": "wrong"}


def test_model_index_is_the_head_of_a_model_card(results: Path, tmp_path: Path) -> None:
    from huggingface_hub import ModelCard, ModelCardData

    file = next(f for f in export(results, tmp_path, "model-index") if f.parent.name == "right")
    card = ModelCard(f"---\n{file.read_text()}---\n# A model\n")
    assert isinstance(card.data, ModelCardData)
    assert card.data.model_name == "right"
    assert [(entry.dataset_type, entry.metric_value) for entry in card.data.eval_results or ()] == [("yesno", 1.0)]
    assert yaml.safe_load(card.data.to_yaml()) == yaml.safe_load(file.read_text())


def test_model_index_names_the_hub_data_set_and_commit(results: Path) -> None:
    entry = model_index._entry(on_hub(results), on_hub(results).stats[0])
    assert (entry.dataset_type, entry.dataset_split, entry.dataset_revision) == ("lmms-lab/POPE", "test", "a" * 40)


def test_eval_results_are_read_back_by_the_hub_library(results: Path, tmp_path: Path) -> None:
    from huggingface_hub import parse_eval_result_entries

    publication = Publication(out=tmp_path, written="", task_ids={"yesno": "pope"})
    (file,) = FORMATS["eval-results"]([on_hub(results)], publication)
    assert file.parent.name == ".eval_results"
    (entry,) = parse_eval_result_entries(yaml.safe_load(file.read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("lmms-lab/POPE", "pope", 100.0)
    assert entry.dataset_revision == "a" * 40
    assert "n = 25, 95 % interval 86.7 to 100.0" in (entry.notes or "")
    assert (entry.verify_token, entry.source_url) == (None, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "eval-results"], "give --task-id TASK=ID"),
        (["--to", "eval-results", "--task-id", "yesno"], "write TASK=ID"),
        (["--to", "eval-results", "--task-id", "yesno=x"], "has no data set on the hub"),
        (["--to", "every-eval-ever"], "give --organization and --relationship"),
    ],
)
def test_what_no_run_knows_must_be_given(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main(["export", str(results), "--out", str(tmp_path), *options]) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# --- other harnesses


def test_lm_eval_layout(results: Path, tmp_path: Path) -> None:
    files = [f for f in export(results, tmp_path, "lm-eval") if f.parent.name == "harmful"]
    scores, samples = (next(f for f in files if f.name.startswith(p)) for p in ("results_", "samples_yesno_"))
    found = json.loads(scores.read_text())
    assert found["results"]["yesno"]["accuracy,none"] == 0.4
    assert found["higher_is_better"] == {"yesno": {"accuracy": True}}
    assert found["n-samples"] == {"yesno": {"original": 25, "effective": 25}}
    lines = [json.loads(line) for line in samples.read_text().split("\n") if line]
    assert [line["resps"] for line in lines[:8]] == [[[reply]] for reply in boards.HOSTILE.values()]
    assert sum(line["score"] for line in lines) / len(lines) == 0.4
    assert lines[0]["arguments"]["gen_args_0"]["arg_0"].startswith("Is <i>0</i> odd?")
    pictured = next(f for f in tmp_path.rglob("samples_yesno*") if f.parent.name == "always-yes")
    assert json.loads(pictured.read_text().split("\n")[0])["arguments"]["gen_args_0"]["arg_0"].startswith("<image>Is")


def test_vlmevalkit_table_keeps_replies_letter_by_letter(results: Path, tmp_path: Path) -> None:
    import pandas

    file = next(f for f in export(results, tmp_path, "vlmevalkit") if f.name == "harmful_yesno.tsv")
    table = pandas.read_csv(file, sep="\t", keep_default_na=False, dtype=str)
    assert list(table.columns) == ["index", "question", "answer", "half", "prediction"]
    assert dict(zip(table["index"], table["prediction"], strict=True)).items() >= boards.HOSTILE.items()


def test_a_spreadsheet_runs_no_reply_when_asked_to(results: Path, tmp_path: Path) -> None:
    import pandas

    file = next(f for f in export(results, tmp_path, "vlmevalkit", "--escape-formulas") if "harmful" in f.name)
    table = pandas.read_csv(file, sep="\t", keep_default_na=False, dtype=str)
    assert not any(cell.lstrip()[:1] in {"=", "+", "-", "@"} for cell in table.to_numpy().ravel())
    assert "'" + boards.HOSTILE["formula"] in list(table["prediction"])


@pytest.mark.slow
def test_inspect_reads_its_log(results: Path, tmp_path: Path, inspect_python: str) -> None:
    file = next(f for f in export(results, tmp_path, "inspect") if f.parent.name == "harmful")
    read = subprocess.run([inspect_python, "-c", READ_BACK, str(file), "ansi"], capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    found = json.loads(read.stdout.splitlines()[-1])
    ids = sorted([*boards.HOSTILE, *(f"q{n}" for n in range(16)), 'a "b" <c>/../&#?d'])
    assert found == ["success", 0.4, ids, boards.HOSTILE["ansi"], 0.0, 25, "no"]


def test_members_of_an_inspect_log_leave_no_folder(results: Path, tmp_path: Path) -> None:
    file = next(f for f in export(results, tmp_path, "inspect") if f.parent.name == "right")
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    assert all(".." not in name.split("/") and name.count("/") <= 1 for name in names)
    assert len([name for name in names if name.startswith("samples/")]) == 25


def test_every_eval_ever_follows_its_schema(results: Path, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="no jsonschema; run .ci/browser")
    schema = json.loads((FIXTURES / "every-eval-ever/eval.schema.json").read_text())
    options = ("--organization", "Somebody", "--relationship", "third_party")
    files = export(results, tmp_path, "every-eval-ever", *options)
    publication = Publication(out=tmp_path, written="2026-01-02T03:04:05+00:00", organization="S", relationship="other")
    records = [json.loads(file.read_text()) for file in files] + [
        every_eval_ever.evaluation_record(on_hub(results), publication)
    ]
    assert len(records) == 4
    for record in records:
        jsonschema.Draft7Validator(schema).validate(record)
    assert schema["version"] == every_eval_ever.VERSION
    assert records[-1]["retrieved_timestamp"] == "1767323045.0"
    assert records[-1]["evaluation_results"][0]["source_data"]["hf_repo"] == "lmms-lab/POPE"
    assert records[-1]["evaluation_results"][0]["score_details"]["score"] == 1.0
    assert records[-1]["model_info"]["additional_details"]["deployment_type"] == "unknown"


# --- nothing invented


def keys(value: Any) -> set[str]:
    """Every name in a JSON value, at any depth."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set(value if isinstance(value, dict) else ()).union(*map(keys, inner))


UNKNOWN = {"temperature", "max_tokens", "max_gen_toks", "do_sample", "until", "execution_command"}


def test_settings_of_recorded_replies_are_not_told(results: Path, tmp_path: Path) -> None:
    """The task's settings did not make them, and the command of the run scored them only."""
    for to in ("lm-eval", "inspect", "every-eval-ever"):
        options = ("--organization", "S", "--relationship", "other") if to == "every-eval-ever" else ()
        files = [f for f in export(results, tmp_path / to, to, *options) if "harmful" in str(f.relative_to(tmp_path))]
        for file in files:
            if file.suffix == ".eval":
                with zipfile.ZipFile(file) as archive:
                    texts = [archive.read(name).decode() for name in archive.namelist()]
            else:
                texts = (
                    [line for line in file.read_text().split("\n") if line]
                    if "jsonl" in file.name
                    else [file.read_text()]
                )
            spec = keys(json.loads((results / "harmful/yesno/run.json").read_text())["task"]["spec"])
            assert not set().union(*(keys(json.loads(text)) for text in texts)) & (UNKNOWN - spec), file


def test_times_of_a_resumed_run_are_left_out(results: Path, tmp_path: Path) -> None:
    copied = tmp_path / "results"
    shutil.copytree(results, copied)
    records.edit(copied / "right/yesno/run.json", calls=3)  # the last part of it asked three of 25
    for folder, known in ((results, True), (copied, False)):
        files = export(folder, tmp_path / str(known), "inspect") + export(folder, tmp_path / f"{known}e", "lm-eval")
        log = next(f for f in files if f.suffix == ".eval" and f.parent.name == "right")
        table = next(f for f in files if f.name.startswith("results_") and f.parent.name == "right")
        with zipfile.ZipFile(log) as archive:
            assert ("completed_at" in json.loads(archive.read("header.json"))["stats"]) is known
        assert ("total_evaluation_time_seconds" in json.loads(table.read_text())) is known


def test_a_reply_that_the_log_lacks_is_an_error_and_no_empty_text(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "results"
    shutil.copytree(results / "right", copied / "right")
    log = copied / "right/yesno/responses-0.jsonl"
    log.write_text("\n".join(log.read_text().split("\n")[1:]))
    for to in ("lm-eval", "inspect", "vlmevalkit"):
        assert main(["export", "--to", to, str(copied), "--out", str(tmp_path / to)]) == 2
        assert "has no reply in the log" in capsys.readouterr().err


def test_a_run_without_pictures_says_so(results: Path) -> None:
    seen = on_hub(results)
    blind = seen.replaced(record=records.changed(seen.record, model_spec={"blind": True}))
    publication = Publication(out=Path(), written="2026-01-02T03:04:05+00:00", organization="S", relationship="other")
    for run, told in ((seen, False), (blind, True)):
        assert ("shown no pictures" in json.dumps(every_eval_ever.evaluation_record(run, publication))) is told


def test_two_runs_that_would_share_a_file_are_refused(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(results / "right", tmp_path / "again/right")
    arguments = ["export", "--to", "lm-eval", str(results), str(tmp_path / "again"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "model 'right' has two runs of task 'yesno'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# --- read back by ourselves


@pytest.mark.parametrize(("to", "pattern"), [("vlmevalkit", "*.tsv"), ("lm-eval", "samples_*.jsonl")])
def test_an_export_scores_as_the_run_did(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str, pattern: str
) -> None:
    export(results, tmp_path / "exported", to)
    (file,) = (tmp_path / "exported/harmful").glob(pattern)
    capsys.readouterr()
    task = results.parent / "yesno.yaml"
    command = ["score", "--task", task, "--predictions", file, "--name", "back", "--out", tmp_path / "back"]
    assert main([str(word) for word in command]) == 0, capsys.readouterr().err
    one, other = (
        json.loads((f / "yesno/stats.json").read_text()) for f in (results / "harmful", tmp_path / "back/back")
    )
    assert one == other


# --- completeness


def test_incomplete_runs_are_left_out_and_told(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = results.parent / "yesno.yaml"
    limited = tmp_path / "limited"
    main(["run", "--task", str(task), "--model", "first-option", "--limit", "5", "--out", str(limited), "--quiet"])
    capsys.readouterr()
    arguments = ["export", "--to", "model-index", str(limited), str(results), "--out", str(tmp_path / "out")]
    assert main(arguments) == 4
    assert "incomplete, not exported" in capsys.readouterr().err
    assert sorted(f.parent.name for f in (tmp_path / "out").rglob("*.yaml")) == ["always-yes", "harmful", "right"]
