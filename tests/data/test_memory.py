"""Rows in memory: every form gives the samples that the same rows give from a file."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets as hub
import msgspec
import numpy
import pandas
import pytest
from PIL import Image as Pillow

from evalkit import digest
from evalkit.data.sources import DataPlaces, DataTable, table_of
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.media.open import open_image
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset, plan
from evalkit.types import Image
from tests import ROOT, datasets

NAN = float("nan")


def jpeg() -> bytes:
    file = io.BytesIO()
    Pillow.effect_noise((24, 16), 80).convert("RGB").save(file, format="JPEG")
    return file.getvalue()


JPEG = jpeg()
ROWS: list[dict[str, Any]] = [
    {"id": 1, "q": "Is it?", "a": "yes", "h": "see", "o": ["x", "None"], "meta": {"part": "é"}, "i": JPEG},
    {"id": 2, "q": "What?", "a": "maybe", "h": None, "o": None, "meta": {"part": "b"}, "i": datasets.png(2)},
    {"id": 3, "q": "Who?", "a": "no", "h": "", "o": ["z"], "meta": {"part": "c"}, "i": datasets.png(3)},
]
FEATURES = hub.Features(
    {
        "id": hub.Value("int64"),
        "q": hub.Value("string"),
        "a": hub.Value("string"),
        "h": hub.Value("string"),
        "o": hub.List(hub.Value("string")),
        "meta": {"part": hub.Value("string")},
        "i": hub.Image(),
    }
)


def hub_rows() -> list[dict[str, Any]]:
    return [{**row, "i": {"bytes": row["i"], "path": None}} for row in ROWS]


def as_dataset() -> hub.Dataset:
    return hub.Dataset.from_list(hub_rows(), features=FEATURES)


FORMS = {
    "a list": lambda: ROWS,
    "a generator": lambda: iter(ROWS),
    "the hub's cells": hub_rows,
    "a Dataset": as_dataset,
    "a Dataset with a selection": lambda: as_dataset().select([2, 1, 0]).select([2, 1, 0]),
    "an IterableDataset": lambda: as_dataset().to_iterable_dataset(),
    "a DataFrame": lambda: pandas.DataFrame(ROWS, index=[7, 7, 9]),
    "a DataFrame from parquet": lambda: as_dataset().to_pandas(),
}


def places(folder: Path) -> DataPlaces:
    return DataPlaces(media_cache=MediaCache(folder / "cache"), bundled=folder, folder=folder)


def task(samples: int = 3, **changes: Any) -> TaskSpec:
    columns = {
        "id": "id", "question": "q", "answer": "a", "choices": "o", "images": "i",
        "groups": {"part": "meta.part"}, "extra": {"hint": "h"}, "cluster": {"kind": "media"},
    }  # fmt: skip
    fields = {
        "name": "x", "title": {"en": "x"}, "headline": "accuracy", "metrics": {}, "samples": samples,
        "source": {"kind": "jsonl", "path": "x.jsonl"}, "generation": {"max_new_tokens": 1}, "columns": columns,
        "adapter": msgspec.to_builtins(load.spec(TaskSpec, "textvqa_val").adapter),
    }  # fmt: skip
    return msgspec.convert(fields | changes, TaskSpec)


def table(rows: Any, folder: Path) -> DataTable:
    return table_of(rows, media_cache=MediaCache(folder / "cache"), root=folder)


@pytest.fixture
def from_file(tmp_path) -> dataset.Dataset:
    """The same rows as the parquet file that `datasets` writes."""
    as_dataset().to_parquet(tmp_path / "x.parquet")
    return dataset.load(task(), places(tmp_path), annotations=tmp_path / "x.parquet")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_samples_and_keys_of_a_file(tmp_path, from_file, form):
    data = dataset.load(task(), places(tmp_path), rows=form())
    assert data.samples == from_file.samples
    assert [sample.media[0].digest for sample in data.samples] == [digest.of_bytes(row["i"]) for row in ROWS]
    assert [sample.extra["hint"] for sample in data.samples] == ["see", None, None]
    assert data.problems == {}
    assert (data.files, data.revision) == ((), "")
    planned, same = (plan.requests(task(), {"kind": "m"}, each.samples) for each in (data, from_file))
    assert [request.key for request in planned.all] == [request.key for request in same.all]
    assert len(planned.all) == 3


def test_json_lines_give_the_same_samples_too(tmp_path):
    rows = [{**row, "i": f"{row['id']}.png"} for row in ROWS]
    for row in ROWS:
        (tmp_path / f"{row['id']}.png").write_bytes(row["i"])
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    from_lines = dataset.load(task(), places(tmp_path))
    paths = [{**row, "i": Path(row["i"])} for row in rows]
    absolute = [{**row, "i": tmp_path / row["i"]} for row in rows]
    encoded = hub.Dataset.from_list(rows).cast_column("i", hub.Image())
    for form in (rows, paths, absolute, encoded, pandas.DataFrame(rows)):
        assert dataset.load(task(), places(tmp_path), rows=form).samples == from_lines.samples


def test_equal_rows_have_one_fingerprint_and_any_change_another(tmp_path):
    prints = {name: table(form(), tmp_path).fingerprint for name, form in FORMS.items()}
    assert len(set(prints.values())) == 1, prints
    changed = [
        ROWS[:2],
        ROWS[::-1],
        [{**ROWS[0], "q": "Is it!"}, *ROWS[1:]],
        [{**ROWS[0], "i": datasets.png(1)}, *ROWS[1:]],
    ]
    assert len({prints["a list"], *(table(rows, tmp_path).fingerprint for rows in changed)}) == 5


def test_the_fingerprint_counts_neither_empty_columns_nor_the_order_of_keys(tmp_path):
    forms = [
        [{"a": 1, "b": None, "c": {"d": NAN}}, {"a": 2, "b": "x"}],
        [{"a": 1, "c": {}}, {"b": "x", "a": 2, "c": None}],
    ]
    assert len({table(rows, tmp_path).fingerprint for rows in forms}) == 1


def test_nothing_is_decoded_nor_changed_in_a_dataset(tmp_path):
    data = as_dataset()
    before = (data.format, data.features.copy())
    assert next(table(data, tmp_path).rows())["i"] == {"bytes": JPEG, "path": None}
    assert (data.format, data.features) == before
    assert data[0]["i"].size == (24, 16)
    nested = hub.Dataset.from_dict(
        {"i": [[{"bytes": JPEG, "path": None}]]}, features=hub.Features({"i": hub.List(hub.Image())})
    )
    assert next(table(nested, tmp_path).rows())["i"][0]["bytes"] == JPEG


def test_rows_are_read_again_by_column_and_position(tmp_path):
    for form in FORMS.values():
        found = table(form(), tmp_path)
        assert found.columns == ("id", "q", "a", "h", "o", "meta", "i")
        assert [row["id"] for row in found.rows(["id"])] == [1, 2, 3]
        assert [(row["row"], row["id"]) for row in found.rows(["id"], {1})] == [(1, 2)]
        assert [row["row"] for row in found.rows(["row"])] == [0, 1, 2]


def test_a_key_that_a_row_lacks_is_an_empty_cell(tmp_path):
    found = table([{"a": 1}, {"b": "x", "c": (1, bytearray(b"y"))}], tmp_path)
    assert list(found.rows()) == [
        {"row": 0, "a": 1, "b": None, "c": None},
        {"row": 1, "a": None, "b": "x", "c": [1, b"y"]},
    ]


def test_missing_cells_and_numbers_of_a_frame(tmp_path):
    frame = pandas.DataFrame(
        {
            "id": [1, 2],
            "text": ["x", None],
            "real": [1.5, NAN],
            "whole": pandas.array([7, None], dtype="Int64"),
            "day": [pandas.Timestamp("2020-01-02"), pandas.NaT],
            "list": [numpy.array([1, 2]), None],
        }
    )
    first, second = table(frame, tmp_path).rows()
    assert first == {"row": 0, "id": 1, "text": "x", "real": 1.5, "whole": 7, "day": first["day"], "list": [1, 2]}
    assert type(first["id"]) is type(first["whole"]) is int
    assert str(first["day"]) == "2020-01-02 00:00:00"
    assert second == {"row": 1, "id": 2, **dict.fromkeys(("text", "real", "whole", "day", "list"))}


def test_base64_is_read_as_in_a_table(tmp_path):
    rows = [{**row, "i": base64.b64encode(row["i"]).decode()} for row in ROWS]
    data = dataset.load(task(), places(tmp_path), rows=rows)
    assert [sample.media[0].digest for sample in data.samples] == [digest.of_bytes(row["i"]) for row in ROWS]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16"])
def test_a_picture_of_pillow_is_kept_without_loss(tmp_path, mode):
    picture = Pillow.open(io.BytesIO(JPEG)).convert("L" if mode == "I;16" else "RGBA").convert(mode)
    (row,) = table([{"i": picture}], tmp_path).rows()
    assert isinstance(row["i"], Image)
    assert open_image(row["i"]).tobytes() == picture.convert("RGB").tobytes()
    assert row["i"].digest == digest.of_file(Path(row["i"].path))


def test_equal_pictures_of_pillow_have_one_digest_and_their_orientation(tmp_path):
    picture = Pillow.new("RGB", (4, 2))
    picture.getexif()[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, format="JPEG", exif=picture.getexif())
    rows = table([{"i": [Pillow.open(file), Pillow.open(file)]}], tmp_path).rows()
    first, second = next(rows)["i"]
    assert first == second
    turned = msgspec.structs.replace(first, decoding=msgspec.structs.replace(first.decoding, exif="apply"))
    assert open_image(turned).size == (2, 4)


def test_a_picture_that_cannot_be_encoded_costs_its_sample(tmp_path):
    torn = Pillow.open(io.BytesIO(JPEG[:-40]))
    data = dataset.load(task(), places(tmp_path), rows=[{**ROWS[0], "i": torn}, *ROWS[1:]])
    assert list(data.problems) == ["1"]
    assert "of row 0, which cannot be encoded" in data.problems["1"]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["x"], "rows: row 0 is a str, not a mapping"),
        ({"train": [], "test": []}, "rows: a mapping of train, test is not a table; pass one of its values"),
        ("x.jsonl", "rows: row 0 is a str"),
    ],
)
def test_what_are_no_rows_is_refused(tmp_path, rows, sentence):
    with pytest.raises(EvalkitError, match=sentence):
        table(rows, tmp_path)


def test_counts_and_columns_are_checked_as_in_a_file(tmp_path):
    with pytest.raises(IncompleteError, match="tasks/x: found 2 rows, expected 3 in memory"):
        dataset.load(task(), places(tmp_path), rows=ROWS[:2])
    with pytest.raises(IncompleteError, match=r"columns\.question: no column 'q'"):
        dataset.load(task(), places(tmp_path), rows=[{"id": 1}])


def test_half_a_character_is_a_question_mark_as_in_a_file(tmp_path):
    (row,) = table([{"a": "x\ud83d"}], tmp_path).rows()
    assert row["a"] == "x?"


LIGHT = """
import sys
from pathlib import Path
from evalkit.data.sources import table_of
from evalkit.media.cache import MediaCache
table = table_of([{"a": 1, "b": [2.5]}], media_cache=MediaCache(Path("cache")), root=Path())
print(len(list(table.rows())), sorted({"pandas", "datasets", "numpy", "PIL", "pyarrow"} & set(sys.modules)))
"""


def test_a_list_loads_no_library():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split(maxsplit=1) == ["1", "[]\n"]
