"""ScienceQA, MathVista, InterGPS, AI2D and ChartQA are read from their official files, and asked and scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalkit.cli.check import prove
from evalkit.data.sources import DataPlaces
from evalkit.errors import IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset
from evalkit.run.dataset import Dataset
from evalkit.types import Sample
from tests import datasets_more as more
from tests.datasets import png


def read(name: str, folder: Path, count: int, **fields: Any) -> tuple[TaskSpec, Dataset]:
    places = DataPlaces(
        media_cache=MediaCache(folder / "cache"), bundled=folder / "bundled", mirrors=(folder,), offline=True
    )
    task = msgspec.structs.replace(load.spec(TaskSpec, name), samples=count, **fields)
    return task, dataset.load(task, places)


def text(task: TaskSpec, sample: Sample) -> str:
    (messages,) = task.adapter.prompts(sample)
    return "".join(getattr(part, "text", "[picture]") for message in messages for part in message.parts)


BUILDERS: list[tuple[str, Callable[[Path], int]]] = [
    ("scienceqa_img_test", more.scienceqa),
    ("mathvista_testmini", more.mathvista),
    ("intergps_test", more.geometry3k),
    ("ai2d_test", more.ai2d),
    ("ai2d_test_no_mask", lambda folder: more.ai2d(folder, hub="lmms-lab/ai2d-no-mask")),
    ("chartqa_test", more.chartqa),
]


@pytest.mark.parametrize(("name", "build"), BUILDERS, ids=[name for name, _ in BUILDERS])
def test_official_columns_are_read_and_gold_is_right(name: str, build: Callable[[Path], int], tmp_path: Path) -> None:
    task, data = read(name, tmp_path, build(tmp_path))
    assert not data.problems
    assert all(len(sample.media) == 1 and sample.media[0].digest for sample in data.samples)
    assert prove(task, data).startswith(f"valid; {len(data.samples)} gold replies score 1")
    assert all(text(task, sample).startswith("[picture]") for sample in data.samples)


def test_scienceqa_has_a_context_only_where_there_is_a_hint(tmp_path: Path) -> None:
    task, data = read("scienceqa_img_test", tmp_path, more.scienceqa(tmp_path))
    first, second = (text(task, sample) for sample in data.samples)
    assert first.startswith("[picture]Context: The scale has settled.\nWhich is heavier?\nA. this\nB. that\nAnswer")
    assert second.startswith("[picture]Which month?\nA. v\n")
    assert [sample.id for sample in data.samples] == ["0", "1"]
    assert [sample.answers for sample in data.samples] == [("A",), ("E",)]


def test_mathvista_asks_the_official_text_and_scores_by_type(tmp_path: Path) -> None:
    task, data = read("mathvista_testmini", tmp_path, more.mathvista(tmp_path))
    assert text(task, data.samples[1]) == "[picture]Question: How much? (Unit: g)"
    said = ["So the angle is 60 degrees, (B).", "It weighs 1,000 g.", "Thus 1.2 m", "They are [2014, 2016]."]
    scores = [task.adapter.score(sample, [reply]) for sample, reply in zip(data.samples, said, strict=True)]
    assert [score.value for score in scores] == [1.0] * 4
    skills = {s.where["skills"]: s.n for s in task.metrics["accuracy_by_skill"].stats("x", scores) if s.where}
    assert skills == {"algebraic reasoning": 4, "arithmetic reasoning": 1, "geometry reasoning": 1}


@pytest.mark.parametrize(
    ("reading", "reply", "n", "answer", "value"),
    [
        ("quick", "60", 0, "B", 1.0),  # a choice's text
        ("quick", "(B)", 0, None, 0.0),  # officially a language model is asked
        ("quick", "1000", 1, "1000", 1.0),
        ("quick", "1000.0", 1, None, 0.0),  # not an integer as Python reads it
        ("recorded", "1000.0", 1, "1000", 1.0),
        ("recorded", "1.24", 2, "1.2", 1.0),
        ("recorded", "(b)", 0, "B", 1.0),
        ("calibrated", "It is the second option.", 0, "B", 1.0),
        ("calibrated", "no idea", 1, None, 0.0),
        ("calibrated", "1.249", 2, "1.2", 1.0),
    ],
)
def test_mathvista_readings(reading: str, reply: str, n: int, answer: str | None, value: float, tmp_path: Path) -> None:
    task, data = read("mathvista_testmini", tmp_path, more.mathvista(tmp_path))
    rule = msgspec.convert({"kind": "mathvista", "reading": reading}, type(task.adapter.rule))
    assert rule.judge(reply, data.samples[n])[:2] == (answer, value)


def test_intergps_shows_no_placeholder(tmp_path: Path) -> None:
    task, data = read("intergps_test", tmp_path, more.geometry3k(tmp_path))
    assert text(task, data.samples[0]).startswith("[picture]Find $m \\angle 1$.\nA. 45\nB. 60\n")
    assert [sample.id for sample in data.samples] == ["2402", "2403"]
    assert data.samples[0].answers == ("B",)


LAYOUTS: list[tuple[str, Callable[[Path], int]]] = [
    ("folder", lambda folder: more.geometry3k_folder(folder / "geometry3k")),
    ("folder in the mirror", more.geometry3k_folder),
    ("zip", lambda folder: more.geometry3k_zip(folder / "geometry3k")),
    ("zip in the mirror", more.geometry3k_zip),
    ("zip with folders above", lambda folder: more.geometry3k_zip(folder, prefix="data/geometry3k/")),
]


@pytest.mark.parametrize(("layout", "build"), LAYOUTS, ids=[layout for layout, _ in LAYOUTS])
@pytest.mark.parametrize("picture", ["img_diagram", "img_diagram_point", "img_problem"])
def test_geometry3k_of_its_authors(layout: str, build: Callable[[Path], int], picture: str, tmp_path: Path) -> None:
    count = build(tmp_path)
    columns = msgspec.structs.replace(load.spec(TaskSpec, "intergps_test_zip").columns, images=picture)
    task, data = read("intergps_test_zip", tmp_path, count, columns=columns)
    assert [sample.id for sample in data.samples] == [str(number) for number in range(2401, 2411)]
    assert set(data.problems) == {"2410"}
    assert "is missing" in data.problems["2410"]
    (shown,) = data.samples[0].media
    which = ("img_diagram", "img_diagram_point", "img_problem").index(picture)
    assert shown.digest == MediaCache(tmp_path / "other").put(png(3 * 2401 + which))[1]
    assert data.samples[0].groups == {"graph": "Circle, Triangle", "goal": "Length"}
    assert data.samples[0].answers == ("C",)
    assert prove(task, data)


def test_geometry3k_tells_where_it_looked_and_what_is_broken(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match=r"neither test/ nor test\.zip in .*put it there"):
        read("intergps_test_zip", tmp_path, 1)
    more.geometry3k_folder(tmp_path)
    (tmp_path / "test/2405/data.json").write_text("[]")
    with pytest.raises(IncompleteError, match=r"test/2405/data\.json: not a JSON object"):
        read("intergps_test_zip", tmp_path, 10)


def test_ai2d_options_that_are_letters(tmp_path: Path) -> None:
    task, data = read("ai2d_test", tmp_path, more.ai2d(tmp_path))
    sample = data.samples[1]  # options E, A, G, B; gold C
    assert {said: task.adapter.score(sample, [said]).answer for said in ("C", "G", "E", "A", "B.")} == {
        "C": "C",  # the option's letter
        "G": "C",  # no option's letter, but an option's text
        "E": "A",
        "A": "A",  # the letter wins
        "B.": "B",
    }


def test_chartqa_halves(tmp_path: Path) -> None:
    task, data = read("chartqa_test", tmp_path, more.chartqa(tmp_path))
    scores = [task.adapter.score(s, [said]) for s, said in zip(data.samples, ("[2014, 2016]", "0.58"), strict=True)]
    stats = {str(s.where): s.value for s in task.metrics["accuracy"].stats("accuracy", scores)}
    assert stats == {"{}": 1.0, "{'type': 'human'}": 1.0, "{'type': 'augmented'}": 1.0}


@pytest.mark.parametrize("name", ["scienceqa_img_test", "ai2d_test", "chartqa_test", "intergps_test"])
def test_a_wrong_count_is_told(name: str, tmp_path: Path) -> None:
    build = dict(BUILDERS)[name]
    count = build(tmp_path)
    declared = load.spec(TaskSpec, name).samples
    with pytest.raises(IncompleteError, match=f"found {count} rows, expected {declared}"):
        read(name, tmp_path, declared)
