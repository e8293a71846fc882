"""Names become files and folders: readable, in every script, and no two models share one unnoticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import EvalkitError
from evalkit.filenames import safe_name, unique_name
from evalkit.run import outcome, runner
from tests.run.test_runner import FakeSession, make_data, make_task, settings

HARMLESS = re.compile(r"[\w.+-]+")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("phi-3.5", "phi-3.5"),
        ("pocket-vlm+blind", "pocket-vlm+blind"),
        ("模型", "模型"),
        ("Modèle à 3 B", "Modèle-à-3-B"),
        ("a/b", "a-b"),
        ("../../etc", "etc"),
        (".hidden", "hidden"),
    ],
)
def test_a_folder_is_called_as_its_model_is(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_names_that_read_alike_keep_files_of_their_own() -> None:
    assert unique_name("phi-3.5") == "phi-3.5"
    assert unique_name("phi-3.5", "mmmu_val") == "phi-3.5--mmmu_val"
    assert len({unique_name(name) for name in ("a-b", "a/b", "a b", "模型", "另一个")}) == 5


@given(st.text())
def test_no_name_leaves_its_folder(name: str) -> None:
    for found in (safe_name(name), unique_name(name), unique_name(name, "task")):
        assert HARMLESS.fullmatch(found)
        assert not found.startswith(".")


def renamed(name: str) -> FakeSession:
    session = FakeSession()
    session.model = type(session.model)(name=name, backend=session.model.backend)
    return session


def test_models_named_in_chinese_have_folders_of_their_own(tmp_path: Path) -> None:
    make_data(tmp_path)
    folders = [runner.run(renamed(name), make_task(), settings(tmp_path)).folder for name in ("模型", "另一个")]
    assert [folder.relative_to(tmp_path / "results").parts for folder in folders] == [
        ("模型", "yesno"),
        ("另一个", "yesno"),
    ]


@pytest.mark.parametrize(("model", "task"), [("a/b", "yesno"), ("a-b", "yes no")])
def test_a_folder_of_another_model_or_task_is_refused_before_anything_is_asked(
    tmp_path: Path, model: str, task: str
) -> None:
    make_data(tmp_path)
    first = runner.run(renamed("a-b"), make_task("yes-no" if task == "yes no" else "yesno"), settings(tmp_path))
    assert outcome.folder(tmp_path / "results", model, task) == first.folder
    before = {file.name: file.read_bytes() for file in first.folder.iterdir()}
    session = renamed(model)
    with pytest.raises(EvalkitError, match=rf"holds model 'a-b' on task .*, not model '{model}' on task '{task}'"):
        runner.run(session, make_task(task), settings(tmp_path))
    assert session.loads == 0
    assert {file.name: file.read_bytes() for file in first.folder.iterdir()} == before
