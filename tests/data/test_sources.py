"""Sources: official files in every layout, lazily read, and a sentence for each way in which they can be wrong."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalkit.data.sources import DataPlaces, DataTable, Source, annotations_table
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.types import Image
from tests import ROOT, datasets

FEATURES = {"id": "string", "image": "image"}


def places(folder: Path, *, mirror: bool = True) -> DataPlaces:
    mirrors = (folder,) if mirror else ()
    return DataPlaces(
        media_cache=MediaCache(folder / "cache"), bundled=folder / "bundled", mirrors=mirrors, offline=True
    )


def opened(folder: Path, *, mirror: bool = True, **fields: Any) -> DataTable:
    return msgspec.convert(fields, Source).open(places(folder, mirror=mirror))


def rows(names: str) -> list[dict[str, Any]]:
    return [{"id": name, "image": datasets.picture(ord(name))} for name in names]


def ids(table: DataTable, **asked: Any) -> list[str]:
    return [row["id"] for row in table.rows(**asked)]


# --- parquet


LAYOUTS = [
    ("data/test-00000-of-00001.parquet", {}),
    ("test-00000-of-00001.parquet", {}),
    ("test/part.parquet", {}),
    ("data/test.parquet", {}),
    ("en/test-00000-of-00001.parquet", {"subsets": ["en"]}),
    ("en/test/0000.parquet", {"subsets": ["en"]}),
    ("odd/en_test_v2.parquet", {"subsets": ["en"], "files": ["odd/{subset}_{split}_*.parquet"]}),
]


@pytest.mark.parametrize(("file", "fields"), LAYOUTS, ids=[c[0] for c in LAYOUTS])
def test_layouts_of_a_mirror(tmp_path, file, fields):
    path = datasets.parquet(tmp_path / "org/name" / file, rows("ab"), FEATURES)
    datasets.parquet(tmp_path / "org/name/data/train-00000-of-00001.parquet", rows("z"), FEATURES)
    table = opened(tmp_path, kind="huggingface", path="org/name", split="test", **fields)
    assert ids(table) == ["a", "b"]
    assert (table.files, table.root, table.revision) == ((path,), tmp_path / "org/name", "")


def test_pictures_are_the_bytes_that_they_were(tmp_path):
    jpeg_like = b"\xff\xd8 any bytes, never decoded here"
    cell = [{"id": "a", "image": {"bytes": jpeg_like, "path": "a.jpg"}}]
    datasets.parquet(tmp_path / "o/n/data/test.parquet", cell, FEATURES)
    (row,) = opened(tmp_path, kind="huggingface", path="o/n", split="test").rows()
    assert row == {"row": 0, "id": "a", "image": {"bytes": jpeg_like, "path": "a.jpg"}}


def test_subsets_and_shards_are_read_in_order_and_only_where_asked(tmp_path):
    folder = tmp_path / "o/n"
    datasets.parquet(folder / "y/val-00000-of-00002.parquet", rows("ab"), FEATURES)
    datasets.parquet(folder / "y/val-00001-of-00002.parquet", rows("c"), FEATURES)
    datasets.parquet(folder / "x/val-00000-of-00001.parquet", rows("de"), {**FEATURES, "more": "string"})
    table = opened(tmp_path, kind="huggingface", path="o/n", split="val", subsets=["y", "x"])
    assert table.columns == ("id", "image", "subset")
    assert list(table.rows(["id"])) == [{"row": n, "id": name, "subset": "yyyxx"[n]} for n, name in enumerate("abcde")]
    assert ids(table, columns=["id"], positions={1, 3}) == ["b", "d"]
    assert [row["row"] for row in table.rows(["row"])] == [0, 1, 2, 3, 4]


def test_the_fingerprint_is_of_the_content(tmp_path):
    fields: dict[str, Any] = {"kind": "huggingface", "path": "o/n", "split": "test"}
    found = []
    for folder, names in (("1", "ab"), ("2", "ab"), ("3", "ac")):
        datasets.parquet(tmp_path / folder / "o/n/test.parquet", rows(names), FEATURES)
        found.append(opened(tmp_path / folder, **fields).fingerprint)
    assert found[0] == found[1] != found[2]


def test_two_families_of_shards_are_both_whole(tmp_path):
    for family in ("popular", "random"):
        datasets.parquet(tmp_path / f"o/n/Full/{family}-00000-of-00001.parquet", rows(family[0]), FEATURES)
    table = opened(tmp_path, kind="huggingface", path="o/n", split="test", files=["Full/*.parquet"])
    assert ids(table) == ["p", "r"]


def test_what_a_mirror_lacks_is_told(tmp_path):
    fields: dict[str, Any] = {"kind": "huggingface", "path": "o/n", "split": "val"}
    with pytest.raises(IncompleteError, match=r"o/n: not in the mirror: no folder .*/o/n"):
        opened(tmp_path, **fields)
    good = datasets.parquet(tmp_path / "o/n/x/val-00000-of-00001.parquet", rows("a"), FEATURES)
    with pytest.raises(IncompleteError, match=r"subset 'y' of o/n: no parquet file of split 'val' .* y/val-\*.parquet"):
        opened(tmp_path, **fields, subsets=["x", "y"])
    good.rename(good.with_name("val-00000-of-00003.parquet"))
    with pytest.raises(IncompleteError, match="1 of 3 files are there"):
        opened(tmp_path, **fields, subsets=["x"])
    (tmp_path / "o/n/data").mkdir()
    (tmp_path / "o/n/data/val.parquet").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(IncompleteError, match=r"val.parquet: not a readable parquet file"):
        opened(tmp_path, **fields)


def test_bundled_data_need_no_mirror(tmp_path):
    datasets.parquet(tmp_path / "bundled/evalkit/mini/data/test.parquet", rows("a"), FEATURES)
    fields = {"kind": "huggingface", "path": "evalkit/mini", "split": "test", "bundled": True}
    assert ids(opened(tmp_path, **fields, mirror=False)) == ["a"]


# --- the hub, from a cache laid out as the hub's own library does


@pytest.fixture
def hub_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_cached_snapshot_is_used_and_names_its_commit(tmp_path, hub_cache):
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = hub_cache / "datasets--o--n"
    datasets.parquet(folder / "snapshots" / commit / "data/test.parquet", rows("a"), FEATURES)
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text(commit)
    for revision in ("main", commit):
        table = opened(tmp_path, mirror=False, kind="huggingface", path="o/n", split="test", revision=revision)
        assert (table.revision, ids(table)) == (commit, ["a"])


def test_offline_and_not_cached_is_told(tmp_path, hub_cache):
    with pytest.raises(IncompleteError, match="o/n at main: offline, and not in the local cache; name a folder"):
        opened(tmp_path, mirror=False, kind="huggingface", path="o/n", split="test")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("GatedRepoError", "access is restricted; accept its terms at https://huggingface.co/datasets/o/n"),
        ("RevisionNotFoundError", "no such revision"),
        ("RepositoryNotFoundError", "no such data set"),
        ("HfHubHTTPError", "did not answer"),
    ],
)
def test_refusals_of_the_hub_are_told_without_secrets(tmp_path, monkeypatch, name, told):
    import huggingface_hub
    from huggingface_hub import errors

    def refuse(*_: object, **__: object) -> str:
        kind = getattr(errors, name)
        raise kind.__new__(kind, "token hf_secret")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(EvalkitError, match=told) as error:
        opened(tmp_path, mirror=False, kind="huggingface", path="o/n", split="test")
    assert "hf_secret" not in str(error.value)


# --- TSV and CSV


def test_the_official_tsv_with_references_forward_and_back(tmp_path):
    datasets.mmbench(tmp_path / "MMBench_DEV_EN.tsv", questions=3)
    table = opened(tmp_path, kind="tsv", path="MMBench_DEV_EN.tsv")
    assert table.columns == datasets.MMBENCH
    found = list(table.rows())
    assert [row["index"] for row in found][:3] == ["1000000", "0", "1"]
    pictures: dict[int, list[bytes]] = {}
    for row in found:
        cell = row["image"]
        data = Path(cell.path).read_bytes() if isinstance(cell, Image) else base64.b64decode(cell)
        pictures.setdefault(int(row["index"]) % 1_000_000, []).append(data)
    assert pictures == {n: [datasets.png(n)] * (2 + n) for n in range(3)}
    assert found[2]["question"] == "Line one\nof question 1?"
    assert {row["C"] for row in found} >= {"", 'left, \t or "right"'}


def test_references_that_lead_nowhere_are_missing_pictures(tmp_path):
    image = base64.b64encode(datasets.png(1)).decode()
    cells = [("1", "2"), ("2", "3"), ("3", image), ("4", "9"), ("5", "6"), ("6", "5"), ("7", "8"), ("8", "A" * 101)]
    datasets.tsv(tmp_path / "x.tsv", ("index", "image"), cells)
    table = opened(tmp_path, kind="tsv", path="x.tsv")
    found = [row["image"] for row in table.rows()]
    assert [isinstance(cell, Image) and bool(cell.digest) for cell in found[:2]] == [True, True]
    assert [cell.digest for cell in (found[3], found[4], found[5], found[6])] == [""] * 4
    assert next(table.rows(["index"]))["image"] == "2"


def test_only_pictures_that_are_asked_for_are_written(tmp_path):
    datasets.mmbench(tmp_path / "x.tsv", questions=6)
    table = opened(tmp_path, kind="tsv", path="x.tsv")
    (row,) = table.rows(None, {0})
    assert isinstance(row["image"], Image)
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) == 1


def test_a_tsv_is_found_in_mirrors_below_them_or_bundled(tmp_path):
    for where in ("MMBench_DEV_EN.tsv", "downloads/MMBench_DEV_EN.tsv", "bundled/MMBench_DEV_EN.tsv"):
        folder = tmp_path / where.replace("/", "_")
        datasets.mmbench(folder / where, questions=1)
        assert opened(folder, kind="tsv", path="MMBench_DEV_EN.tsv").files == (folder / where,)
    with pytest.raises(IncompleteError, match=r"MMBench_TEST.tsv: found neither in .*bundled nor"):
        opened(tmp_path, kind="tsv", path="MMBench_TEST.tsv")


BROKEN = [
    ("tsv", b"a\tb\n1\n", "row 1 has 1 cells, but the header names 2"),
    ("tsv", b"a\ta\n1\t2\n", "names the column 'a' twice"),
    ("tsv", b"", "the header line is empty"),
    ("csv", b"a,b\n1,\xff\n", "cannot be read after row"),
    ("jsonl", b'{"a": 1}\n\n[1]\n', "x.jsonl:3: not a JSON object"),
    ("jsonl", b'{"a": 1\n', "x.jsonl:1: not a JSON object"),
]


@pytest.mark.parametrize(("kind", "data", "told"), BROKEN, ids=[c[2] for c in BROKEN])
def test_broken_files_are_told_by_line(tmp_path, kind, data, told):
    (tmp_path / f"x.{kind}").write_bytes(data)
    with pytest.raises(IncompleteError, match=told):
        list(opened(tmp_path, kind=kind, path=f"x.{kind}").rows())


def test_a_csv_as_spreadsheets_write_it(tmp_path):
    (tmp_path / "x.csv").write_bytes('\ufeffid,image\r\n"a, ""b""",p.png\r\n\r\nc,\r\n'.encode())
    table = opened(tmp_path, kind="csv", path="x.csv")
    assert list(table.rows()) == [
        {"row": 0, "id": 'a, "b"', "image": "p.png"},
        {"row": 1, "id": "c", "image": ""},
    ]
    assert table.root == tmp_path


def test_large_cells_do_not_change_the_csv_module_for_others(tmp_path):
    before = csv.field_size_limit()
    datasets.tsv(tmp_path / "x.tsv", ("index", "text"), [("1", "x" * 300_000), ("2", "y")])
    table = opened(tmp_path, kind="tsv", path="x.tsv")
    first, second = table.rows(), table.rows()
    assert len(next(first)["text"]) == len(next(second)["text"]) == 300_000
    first.close()  # type: ignore[attr-defined]
    assert next(second)["text"] == "y"
    assert csv.field_size_limit() == before


PEAK = """
import resource, sys
from pathlib import Path
from evalkit.media.cache import MediaCache
from evalkit.data.sources.tsv import tsv_table
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = tsv_table(Path(sys.argv[1]), MediaCache(Path(sys.argv[2])))
print(sum(1 for _ in table.rows()), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_a_large_tsv_is_streamed(tmp_path):
    count = datasets.mmbench(tmp_path / "x.tsv", questions=60, picture_size=750_000)
    size = (tmp_path / "x.tsv").stat().st_size >> 20
    command = [sys.executable, "-c", PEAK, str(tmp_path / "x.tsv"), str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found, megabytes = map(int, done.stdout.split())
    assert (found, size) == (count, 57)
    assert megabytes < 20


# --- JSON Lines


@pytest.mark.parametrize(
    ("content", "cell"),
    [
        (b'\xef\xbb\xbf{"a": 1}\r\n', 1),
        (b'{"a": NaN}', None),
        (b'{"a": "\\ud83d"}', "?"),
        (gzip.compress(b'{"a": 1}'), 1),
    ],
    ids=["a byte order mark", "what Python writes", "half a character", "packed, whatever its name"],
)
def test_odd_lines_are_read(tmp_path: Path, content: bytes, cell: object) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    assert [row["a"] for row in opened(tmp_path, kind="jsonl", path="x.jsonl").rows()] == [cell]


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_json_lines_with_optional_keys(tmp_path, name):
    text = "".join(json.dumps(row) + "\n" for row in ({"id": "a"}, {"id": "b", "hint": "é", "options": [1, None]}))
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    table = opened(tmp_path, kind="jsonl", path=name)
    assert table.columns == ("id", "hint", "options")
    assert list(table.rows()) == [
        {"row": 0, "id": "a", "hint": None, "options": None},
        {"row": 1, "id": "b", "hint": "é", "options": [1, None]},
    ]


def test_a_torn_gzip_is_told(tmp_path):
    data = gzip.compress(b'{"id": "a"}\n' * 1000)
    (tmp_path / "x.jsonl.gz").write_bytes(data[:-20])
    with pytest.raises(IncompleteError, match=r"x.jsonl.gz: cannot be read after line"):
        opened(tmp_path, kind="jsonl", path="x.jsonl.gz")


def test_a_file_beside_the_task_comes_first(tmp_path):
    for folder, name in (("task", "mine"), ("mirror", "other")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jsonl").write_text(json.dumps({"id": name}))
    where = DataPlaces(
        media_cache=MediaCache(tmp_path), bundled=tmp_path, mirrors=(tmp_path / "mirror",), folder=tmp_path / "task"
    )
    assert where.find_file("x.jsonl") == tmp_path / "task/x.jsonl"


def test_annotations_are_read_by_suffix(tmp_path):
    media_cache = MediaCache(tmp_path / "cache")
    (tmp_path / "a.jsonl").write_text('{"id": "a"}')
    (tmp_path / "a.csv").write_text("id\na\n")
    (tmp_path / "a.tsv").write_text("id\na\n")
    datasets.parquet(tmp_path / "a.parquet", [{"id": "a"}], {"id": "string"})
    for name in ("a.jsonl", "a.csv", "a.tsv", "a.parquet"):
        assert ids(annotations_table(tmp_path / name, media_cache)) == ["a"]
    for name, told in (("a.xlsx", "not a known suffix"), ("b.csv", "no such file")):
        with pytest.raises(EvalkitError, match=told):
            annotations_table(tmp_path / name, media_cache)
