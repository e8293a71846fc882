"""The wheel holds all that a first run needs: registry, model and data."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

from tests import ROOT
from tests.conftest import Installed


def test_the_installed_command_lists_what_the_checkout_holds(installed: Installed) -> None:
    found = installed.run("list", "tasks")
    assert found.returncode == 0, found.stderr
    names = {line.split()[0] for line in found.stdout.splitlines()}
    assert names == {file.stem for file in (ROOT / "tasks").rglob("*.yaml")}


def test_it_imports_itself_and_not_the_checkout(installed: Installed) -> None:
    # -I: without the folder and the PYTHONPATH of whoever runs the tests
    command = [str(installed.command.parent / "python"), "-I", "-c", "import evalkit; print(evalkit.__file__)"]
    done = subprocess.run(command, cwd=installed.folder, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(installed.folder)


def test_the_model_and_the_data_are_small(installed: Installed) -> None:
    (wheel,) = installed.folder.glob("*.whl")
    sizes = {info.filename: info.file_size for info in zipfile.ZipFile(wheel).infolist()}
    weights = sum(size for name, size in sizes.items() if name.endswith(".safetensors"))
    data = sum(size for name, size in sizes.items() if "/assets/data/" in name)
    assert 0 < weights < 8_000_000
    assert 0 < data < 6_000_000


def test_the_first_run_is_complete_and_the_second_calls_no_model(installed: Installed, mini: Path) -> None:
    records = [json.loads(file.read_text()) for file in mini.rglob("run.json")]
    assert len(records) == len(list((ROOT / "tasks" / "mini").glob("*.yaml")))
    assert all(record["complete"] for record in records)
    assert sum(record["scoring"]["counts"]["planned"] for record in records) >= 500
    again = installed.run("run")
    assert again.returncode == 0
    head, _, *rows = again.stdout.splitlines()[: len(records) + 2]
    calls = slice(head.index("calls") - 2, head.index("calls") + len("calls"))
    assert [row[calls].strip() for row in rows] == ["0"] * len(records)
    facts = [json.loads(file.read_text())["execution"] for file in mini.rglob("run.json")]
    assert facts == [record["execution"] for record in records], "facts of a run are not those of its repetition"


def test_doctor_reproduces_the_shipped_scores(installed: Installed, mini: Path) -> None:
    shipped = json.loads((ROOT / "evalkit" / "assets" / "pocket-vlm-scores.json").read_text())
    for task, value in shipped.items():
        folder = mini / "pocket-vlm" / task
        headline = json.loads((folder / "run.json").read_text())["scoring"]["headline"]
        stats = json.loads((folder / "stats.json").read_text())
        (found,) = [s["value"] for s in stats if s["metric"] == headline and not s["where"]]
        assert abs(found - value) <= 0.01, task
