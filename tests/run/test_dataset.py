"""Data sets: the registry's own task files over small data with exactly the official columns and traps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalkit import digest
from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.media.open import open_image, sample_video
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset
from evalkit.run.dataset import Dataset, take_evenly
from evalkit.types import Sample, Video
from tests import datasets


def task(name: str, samples: int, **source: Any) -> TaskSpec:
    """A task of the registry, for a data set of this many samples."""
    spec = load.spec(TaskSpec, name)
    return msgspec.structs.replace(spec, samples=samples, source=msgspec.structs.replace(spec.source, **source))


def loaded(folder: Path, spec: TaskSpec, **options: Any) -> Dataset:
    places = DataPlaces(
        media_cache=MediaCache(folder / "cache"), bundled=folder / "none", mirrors=(folder,), offline=True
    )
    return dataset.load(spec, places, **options)


def shown(sample: Sample) -> list[str]:
    return [part.digest for part in sample.media]


def digests(*seeds: int) -> list[str]:
    return [digest.of_bytes(datasets.png(seed)) for seed in seeds]


# --- one test per official schema


def test_mmmu(tmp_path):
    count = datasets.mmmu(tmp_path, subjects=("Accounting", "Chemistry"))
    data = loaded(tmp_path, task("mmmu_val", count, subsets=("Accounting", "Chemistry")))
    two, nine, several, letter = data.samples[4:]
    assert not data.problems
    assert two.id == "validation_Chemistry_1"
    assert two.groups == {"subject": "Chemistry", "discipline": "Science"}
    assert (two.choices, two.answers) == (("<image 3>", "None", "it's"), ("B",))
    assert shown(two) == digests(1, 2, 3)
    assert (len(nine.choices), nine.answers) == (9, ("I",))
    assert (several.choices, several.answers) == ((), ("$MgS$", "MgS"))
    assert (letter.choices, letter.answers) == ((), ("C",))


def test_blink(tmp_path):
    subsets = ("Counting", "Multi-view_Reasoning")
    data = loaded(tmp_path, task("blink_val", datasets.blink(tmp_path, subsets=subsets), subsets=subsets))
    first, last = data.samples[0], data.samples[-1]
    assert (first.id, first.answers, first.choices, len(first.media)) == ("val_Counting_1", ("A",), ("x", "y"), 1)
    assert first.question.endswith("(A) x\n(B) y")
    assert last.groups == {"subtask": "Multi-view_Reasoning"}
    assert (last.answers, shown(last)) == (("D",), digests(21, 22, 23, 24))


def test_pope(tmp_path):
    data = loaded(tmp_path, task("pope", datasets.pope(tmp_path)))
    assert [sample.id for sample in data.samples][:3] == ["adversarial/1", "adversarial/2", "popular/1"]
    assert {tuple(shown(sample)) for sample in data.samples} == {tuple(digests(1))}
    assert [sample.answers for sample in data.samples] == [("yes",), ("no",)] * 3
    assert [sample.groups for sample in data.samples][::2] == [
        {"category": name} for name in ("adversarial", "popular", "random")
    ]


def test_textvqa(tmp_path):
    data = loaded(tmp_path, task("textvqa_val", datasets.textvqa(tmp_path)))
    assert [sample.id for sample in data.samples] == ["34602", "34603", "34604"]
    assert data.samples[0].answers == ("dakota",) * 6 + ("nous les gosses", "clos culombu", "dakota digital", "None")
    assert len(data.files) == 2


@pytest.mark.parametrize(("name", "empty"), [("mmbench_dev_en_tsv", ""), ("mmbench_dev_en_tsv", "nan")])
def test_mmbench(tmp_path, name, empty):
    datasets.mmbench(tmp_path / "MMBench_DEV_EN.tsv", questions=3, empty=empty)
    data = loaded(tmp_path, task(name, 3))
    assert [sample.id for sample in data.samples] == ["0", "1", "2"]
    assert [sample.choices for sample in data.samples] == [
        ("None", "NA"),
        ("None", "NA", 'left, \t or "right"'),
        ("None", "NA", 'left, \t or "right"', "last"),
    ]
    assert [sample.extra["hint"] for sample in data.samples] == [None, "a hint", None]
    assert [shown(sample) for sample in data.samples] == [digests(n) for n in range(3)]


def test_mmbench_circular(tmp_path):
    count = datasets.mmbench(tmp_path / "MMBench_DEV_EN.tsv", questions=3)
    data = loaded(tmp_path, task("mmbench_dev_en_circular_tsv", count))
    rotations: dict[str, list[Sample]] = {}
    for sample in data.samples:
        rotations.setdefault(sample.groups["question"], []).append(sample)
    assert {name: len(group) for name, group in rotations.items()} == {"0": 2, "1": 3, "2": 4}
    for name, group in rotations.items():
        assert {tuple(shown(sample)) for sample in group} == {tuple(digests(int(name)))}
        golds = {sample.choices["ABCD".index(sample.answers[0])] for sample in group}
        assert golds == {"None"}, "every rotation has the same option right"


def test_videomme(tmp_path):
    data = loaded(tmp_path, task("videomme", datasets.videomme(tmp_path)))
    films = [sample.media[0] for sample in data.samples]
    assert [sample.id for sample in data.samples][:4] == ["001-1", "001-2", "001-3", "002-1"]
    assert films[0].path.endswith("videos_chunked_01.zip!/data/one.mp4")
    assert films[0].digest == films[3].digest  # the same film, stored in one zip and compressed in the other
    assert sorted(data.problems) == ["003-1", "003-2", "003-3"]
    assert "data/lost.mp4 is missing" in data.problems["003-1"]
    for film in (films[0], films[3]):
        assert isinstance(film, Video)
        frames = sample_video(film)
        assert tuple(map(datasets.number, frames.images)) == frames.indices == film.frames.indices(60)


def test_videomme_with_subtitles(tmp_path):
    data = loaded(tmp_path, task("videomme_subtitles", datasets.videomme(tmp_path)))
    # 16 midpoints of 60 frames: 1, 5, 9 are before one second; 43 to 58 after four; 16 is at 1.6 seconds
    assert data.samples[0].extra == {"subtitles": "Once upon a time\nnever on a frame\nthe end"}
    assert data.samples[3].extra == {"subtitles": ""}


# --- promises about any data set


TASK = {
    "name": "x", "title": {"en": "x"}, "headline": "accuracy",
    "source": {"kind": "jsonl", "path": "x.jsonl"},
    "columns": {"id": "id", "question": "q", "answer": "a", "images": "i"},
    "generation": {"max_new_tokens": 1}, "metrics": {},
}  # fmt: skip


@pytest.fixture
def small(tmp_path) -> Callable[..., TaskSpec]:
    """Write rows as JSON Lines, with a picture beside them; give the task, with changes."""

    def write(*rows: dict[str, Any], **changes: Any) -> TaskSpec:
        (tmp_path / "p.png").write_bytes(datasets.png(1))
        plain = {"q": "?", "a": "yes", "i": "p.png"}
        lines = [msgspec.json.encode({**plain, **row}) for row in rows]
        (tmp_path / "x.jsonl").write_bytes(b"\n".join(lines))
        adapter = msgspec.to_builtins(load.spec(TaskSpec, "textvqa_val").adapter)
        return msgspec.convert({**TASK, "adapter": adapter, "samples": len(rows), **changes}, TaskSpec)

    return write


def test_an_error_costs_one_sample_and_none_vanishes(tmp_path, small):
    spec = small(
        {"id": 1}, {"id": 2, "i": "gone.png"}, {"id": 3, "a": None}, {"id": 4, "i": "../p.png"}, {"id": 5, "i": None}
    )
    data = loaded(tmp_path, spec)
    assert [sample.id for sample in data.samples] == ["1", "2", "3", "4", "5"]
    assert sorted(data.problems) == ["2", "3", "4", "5"]
    for name, told in (("2", "gone.png is missing"), ("3", "column a has no answer"), ("4", "leaves the data folder")):
        assert told in data.problems[name]
    assert data.samples[3].answers == ("yes",)
    assert open_image(data.samples[0].media[0]).getpixel((0, 0)) == (1, 0, 0)  # type: ignore[arg-type]


def test_a_wrong_count_stops_and_names_the_file(tmp_path, small):
    with pytest.raises(IncompleteError, match=r"tasks/x: found 2 rows, expected 3 in .*x\.jsonl"):
        loaded(tmp_path, small({"id": 1}, {"id": 2}, samples=3), limit=1)


def test_rows_are_counted_after_keep(tmp_path, small):
    keep = {"kind": "equal", "column": "part", "value": "b"}
    spec = small({"id": 1, "part": "a"}, {"id": 2, "part": "b"}, samples=1, keep=keep)
    assert [sample.id for sample in loaded(tmp_path, spec).samples] == ["2"]


def test_a_nested_field_can_be_kept_by_and_named(tmp_path, small):
    fields = {"id": "meta.id", "question": "q"}
    keep = {"kind": "equal", "column": "meta.part", "value": "b"}
    rows = [{"meta": {"id": n, "part": part}} for n, part in enumerate("abb")]
    data = loaded(tmp_path, small(*rows, samples=2, columns=fields, keep=keep))
    assert [sample.id for sample in data.samples] == ["1", "2"]


def test_an_id_that_occurs_twice_is_named(tmp_path, small):
    with pytest.raises(IncompleteError, match="tasks/x: rows 0 and 2 share the id '1'"):
        loaded(tmp_path, small({"id": 1}, {"id": 2}, {"id": "1"}))
    with pytest.raises(EvalkitError, match=r"columns\.id: row 1 has no id"):
        loaded(tmp_path, small({"id": 1}, {"id": None}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"columns": {"id": "id", "question": "qq"}}, "tasks/x: columns.question: no column 'qq'"),
        ({"columns": {"id": "id", "question": "{q}\n{hint}"}}, "tasks/x: columns.question: no column 'hint'"),
        ({"columns": {"id": "idx", "question": "q"}}, "columns.id: no column 'idx' .*; did you mean 'id'?"),
        ({"columns": {"id": "id", "question": "q", "groups": {"g": "x"}}}, "columns.groups.g: no column 'x'"),
        ({"keep": {"kind": "present", "column": "img"}}, "tasks/x: keep.column: no column 'img'"),
    ],
)
def test_a_column_that_does_not_exist_is_told_before_any_row(tmp_path, small, changes, told):
    with pytest.raises(IncompleteError, match=told):
        loaded(tmp_path, small({"id": 1}, **changes))


def test_the_row_number_can_stand_for_an_id(tmp_path, small):
    spec = small({}, {}, columns={"id": "{part}-{row}", "question": "q", "images": "i"} | {"id": "row"})
    assert [sample.id for sample in loaded(tmp_path, spec).samples] == ["0", "1"]


def test_annotations_replace_the_file_and_need_no_pictures_to_score(tmp_path, small):
    spec = small({"id": 1})
    (tmp_path / "gold.jsonl").write_text('{"id": "7", "a": "no"}')
    data = loaded(tmp_path, spec, annotations=tmp_path / "gold.jsonl", media=False)
    assert (data.samples, data.problems) == ((Sample(id="7", question="", answers=("no",)),), {})
    assert data.files == (tmp_path / "gold.jsonl",)


def test_the_fingerprint_follows_the_content(tmp_path, small):
    first = loaded(tmp_path, small({"id": 1})).fingerprint
    assert loaded(tmp_path, small({"id": 1})).fingerprint == first
    assert loaded(tmp_path, small({"id": 2})).fingerprint != first


@pytest.mark.parametrize(
    ("count", "limit", "expected"),
    [
        (10, None, list(range(10))),
        (10, 1, [0]),
        (10, 3, [0, 3, 6]),
        (10, 10, list(range(10))),
        (10, 99, list(range(10))),
        (10, 0.5, [0, 2, 4, 6, 8]),
        (10, 0.01, [0]),
        (10, 3.0, [0, 3, 6]),
        (0, 5, []),
    ],
)
def test_a_limit_is_spread_evenly(count, limit, expected):
    assert list(take_evenly(range(count), limit)) == expected


@pytest.mark.parametrize("limit", [0, -1, 1.5, -0.5])
def test_a_limit_that_means_nothing_is_refused(limit):
    with pytest.raises(EvalkitError, match="correct --limit"):
        take_evenly(range(5), limit)


def test_a_limit_takes_samples_across_the_file(tmp_path, small):
    data = loaded(tmp_path, small(*({"id": n} for n in range(9))), limit=3)
    assert [sample.id for sample in data.samples] == ["0", "3", "6"]
