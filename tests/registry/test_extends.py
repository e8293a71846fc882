"""A file that extends another: what is merged, where a mistake is reported, and what `show` prints of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import digest
from evalkit.cli.entry import main
from evalkit.errors import EvalkitError
from evalkit.registry import catalog, load, variants
from evalkit.registry.dump import dump
from evalkit.registry.spec import CardSpec, ModelSpec, TaskSpec
from evalkit.registry.yaml12 import Document, FilePosition, parse_document

BASE = """\
name: prices
title: {en: Prices, zh: 价格}
note: Of last year.
samples: 3
source: {kind: jsonl, path: prices.jsonl}
columns:
  id: id
  question: question
  answer: answer
  groups: {shop: shop, kind: sort}
adapter:
  kind: short_answer
  prompt: "{question}"
  rule: {kind: text}
generation: {max_new_tokens: 8, stop: [x, y]}
metrics:
  accuracy: {kind: accuracy, by: [shop]}
headline: accuracy
"""


def written(folder: Path, text: str, base: str = BASE) -> Path:
    """A variant of the base file beside it."""
    (folder / "prices.yaml").write_text(base, encoding="utf-8")
    file = folder / "mine.yaml"
    file.write_text(text if "extends" in text else f"extends: prices.yaml\nname: mine\n{text}", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("variant", "old", "new"),
    [
        ("samples: 4", "samples: 3", "samples: 4"),
        ("title: {zh: 价}", "zh: 价格", "zh: 价"),
        ("note: null", "note: Of last year.\n", ""),
        ("generation: {stop: [z]}", "[x, y]", "[z]"),
        ("generation: {temperature: 1}", "8,", "8, temperature: 1,"),
        ("generation: {stop: null}", ", stop: [x, y]", ""),
        ("columns: {groups: {kind: other}}", "kind: sort", "kind: other"),  # a group of that name, not a type
        ("adapter: {rule: {kind: text}}", "", ""),
        ("adapter: {rule: {kind: yes_no}}", "{kind: text}", "{kind: yes_no}"),
        ("adapter: {kind: number}", 'short_answer\n  prompt: "{question}"\n  rule: {kind: text}', "number"),
        ("columns: {answer: {kind: letter, column: gold}}", "answer: answer", "answer: {kind: letter, column: gold}"),
        ("metrics: {rough: {kind: accuracy, unparsed: dropped}}", "headline:",
         "  rough: {kind: accuracy, unparsed: dropped}\nheadline:"),
        ("metrics: {f: {kind: f1, positive: a}, accuracy: null}\nheadline: f",
         "  accuracy: {kind: accuracy, by: [shop]}\nheadline: accuracy",
         "  f: {kind: f1, positive: a}\nheadline: f"),
    ],
)  # fmt: skip
def test_a_variant_is_the_file_as_if_it_were_written_whole(tmp_path: Path, variant: str, old: str, new: str) -> None:
    assert old in BASE
    spec = load.file(TaskSpec, written(tmp_path, variant))
    (tmp_path / "whole.yaml").write_text(BASE.replace(old, new).replace("name: prices", "name: mine"))
    whole = load.file(TaskSpec, tmp_path / "whole.yaml")
    assert spec == whole
    assert digest.of(spec) == digest.of(whole)


@pytest.mark.parametrize(
    ("variant", "base", "message"),
    [
        ("generation: {temprature: 1}", BASE, "mine.yaml:3:14: generation.temprature: unknown field, did you mean"),
        ("adapter: {rule: {kind: txt}}", BASE, "mine.yaml:3:18: adapter.rule.kind: unknown kind 'txt'"),
        ("samples: 4", BASE.replace("id: id", "idd: id"), "prices.yaml:7:3: columns.idd: unknown field, did you"),
        ("samples: 4", BASE.replace("id: id", "idd: id"), "mine.yaml extends this file)"),
        ("samples: 4", BASE.replace("samples: 3\n", "sampels: 3\n"), "prices.yaml:4:1: sampels: unknown field"),
        ("samples: null", BASE, "mine.yaml:3:1: samples: this field is required; it cannot be taken away"),
        ("columns:\n  question: null", BASE, "mine.yaml:4:3: columns.question: this field is required; it cannot"),
        ("", BASE.replace("samples: 3\n", ""), "mine.yaml:1:1: samples: this field is required; add it"),
        ("jugde: null", BASE, "mine.yaml:3:1: jugde: null takes a field away, and "),
        ("sample: null", BASE, "has no such field, did you mean samples?"),
        ("columns: {groups: {shop: null}}", BASE, "prices.yaml:17:3: metrics.accuracy: columns.groups has no 'shop'"),
        ("headline: acuracy", BASE, "mine.yaml:3:1: headline: no metric is called 'acuracy', did you mean accuracy?"),
        ("adapter: {kind: number, prompt: 3}", BASE, "mine.yaml:3:25: adapter.prompt: expected str, got int"),
        ("extends: prices.yaml\nsamples: 4", BASE, "mine.yaml:1:1: name: a file that extends another needs a name"),
        ("extends: prices.yaml\nname: null", BASE, "mine.yaml:2:1: name: a file that extends another needs a name"),
        ("extends: pope_val\nname: mine", BASE, "mine.yaml:1:1: extends: unknown task 'pope_val', did you mean"),
        ("extends: no.yaml\nname: mine", BASE, "no.yaml; correct the path"),
        ("name: mine\nextends: [pope]", BASE, "mine.yaml:2:1: extends: write the name of a registered task or"),
        ("name: mine\nextends:", BASE, "mine.yaml:2:1: extends: write the name of a registered task or"),
        ("name: mine\nextends: pope_official", BASE, "mine.yaml:2:1: extends: pope_official itself extends pope; ext"),
        ("name: mine\nextends: mine.yaml", BASE, "extends: mine.yaml itself extends mine.yaml"),
        ("samples: 4", "- a\n", "prices.yaml:1:1: file: holds no fields"),
        ("samples: 4", "a: [", "prices.yaml:2:1: not valid YAML"),
        ("generation: 3", BASE, "mine.yaml:3:1: generation: expected object, got int"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_in_the_file_that_makes_it(tmp_path: Path, variant: str, base: str, message: str) -> None:
    with pytest.raises(EvalkitError) as error:
        load.file(TaskSpec, written(tmp_path, variant, base))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "base", "field", "value"),
    [(TaskSpec, "pope", "samples", "4"), (ModelSpec, "pocket-vlm", "workers", "3"), (CardSpec, "mini", "source", "x")],
)
def test_a_file_of_ones_own_extends_a_registered_one(
    kind: Any, base: str, field: str, value: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\nextends: {base}\n{field}: {value}\n")
    spec, original = load.spec(kind, str(file)), load.spec(kind, base)
    assert digest.of(spec) != digest.of(original)
    differing = {name for name in spec.__struct_fields__ if getattr(spec, name) != getattr(original, name)}
    assert differing == {"name", field}


def test_data_lie_beside_the_file_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "prices.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("name: mine\nextends: base/prices.yaml\nsamples: 1\n")
    (tmp_path / "prices.jsonl").write_text(
        '{"id": 7, "question": "How much?", "answer": "2", "shop": "a", "sort": "b"}'
    )
    assert main(["show", "task", str(tmp_path / "mine.yaml")]) == 0
    assert "\nsample 7 " in capsys.readouterr().out


def test_a_listing_takes_title_and_count_from_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    written(tasks, "title: {zh: 价}\nsamples: 5")
    (tasks / "by-name.yaml").write_text("name: by-name\nextends: prices\n")
    monkeypatch.setattr(catalog, "root", lambda: tmp_path)
    assert dict(catalog.summaries("tasks", "title", "samples")) == {
        "by-name": {"title": {"en": "Prices", "zh": "价格"}, "samples": 3},
        "mine": {"title": {"en": "Prices", "zh": "价"}, "samples": 5},
        "prices": {"title": {"en": "Prices", "zh": "价格"}, "samples": 3},
    }


# --- show


@pytest.mark.parametrize("name", load.files(TaskSpec))
def test_what_show_prints_of_a_task_reads_back_as_the_same_task(name: str, tmp_path: Path) -> None:
    document = load.document(TaskSpec, load.path(TaskSpec, name))
    (tmp_path / "copy.yaml").write_text(dump(document), encoding="utf-8")
    copy, spec = load.file(TaskSpec, tmp_path / "copy.yaml"), load.spec(TaskSpec, name)
    assert copy == spec
    assert digest.of(copy) == digest.of(spec)


def test_show_marks_what_a_task_inherits_and_needs_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(
        tmp_path, 'adapter: {prompt: "Price? {question}"}\nreadings: {picked: strict}\nrules: {strict: {kind: text}}'
    )
    assert main(["show", "task", str(file)]) == 0
    shown = capsys.readouterr()
    assert f"# file: {file}, extends {tmp_path / 'prices.yaml'}\n" in shown.out
    assert '# rule in force: {"kind": "text"' in shown.out
    assert "others by --rule: strict\n" in shown.out
    assert '# generation in force: {"max_new_tokens": 8, "temperature": 0.0' in shown.out
    assert "# field picked of a predictions file: read by the rule strict\n" in shown.out
    assert "\nsamples: 3  # from prices\n" in shown.out
    assert "\ncolumns:  # from prices\n" in shown.out
    assert "\nadapter:\n  kind: short_answer  # from prices\n  prompt: Price? {question}\n  rule:" in shown.out
    assert "\nname: mine\n" in shown.out
    assert shown.err.startswith("evalkit: no sample to show: ")
    assert shown.err.count("\n") == 1
    copy = tmp_path / "copy.yaml"
    copy.write_text(shown.out, encoding="utf-8")
    assert load.file(TaskSpec, copy) == load.file(TaskSpec, file)


@pytest.mark.parametrize(("option", "code"), [("--sample", 4), ("--annotations", 2)])
def test_a_sample_that_was_named_must_be_there(
    option: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "task", str(written(tmp_path, "")), option, "no.jsonl"]) == code
    assert "no sample to show" not in capsys.readouterr().err


@pytest.mark.parametrize("name", [*load.files(ModelSpec), "org/name", "folder"])
def test_what_show_prints_of_a_model_reads_back_as_the_same_model(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert main(["show", "model", name]) == 0
    text = capsys.readouterr().out
    assert '# scheduling in force: {"batch": {"count": ' in text
    (tmp_path / "copy.yaml").write_text(text, encoding="utf-8")
    assert load.model("copy.yaml") == load.model(name)


# --- the merge for itself

KEYS = st.sampled_from("abcdef")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=5)


def document(name: str, data: dict[str, Any]) -> Document:
    """Data with the mark of the file behind every path."""
    marks: dict[tuple[str | int, ...], FilePosition] = {}

    def mark(value: Any, path: tuple[str | int, ...]) -> None:
        marks[path] = FilePosition(Path(name))
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, child in items:
            mark(child, (*path, key))

    mark(data, ())
    return Document(Path(name), data, marks)


def without_null(value: Any) -> Any:
    """The value without the fields of mappings that are null; a list is left as it is."""
    if not isinstance(value, dict):
        return value
    return {key: without_null(child) for key, child in value.items() if child is not None}


def changes(old: Any, new: Any) -> Any:
    """What a variant says to make `new` of `old`."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    changed = {key: changes(old.get(key), value) for key, value in new.items() if key not in old or old[key] != value}
    return {**changed, **{key: None for key in old if key not in new}}


@given(MAPPINGS)
def test_a_variant_that_says_nothing_or_everything_is_its_base(data: dict[str, Any]) -> None:
    base = document("base", data)
    assert variants.merge_documents(base, document("mine", {}), dict).data == data
    whole = without_null(data)
    assert variants.merge_documents(document("base", whole), document("mine", whole), dict).data == whole


@given(MAPPINGS.map(without_null), MAPPINGS.map(without_null))
def test_any_file_is_a_variant_of_any_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    said = document("mine", changes(old, new))
    merged = variants.merge_documents(document("base", old), said, dict)
    assert merged.data == new
    own = {path for path, mark in merged.marks.items() if mark.file == Path("mine")}
    assert own == said.marks.keys()
    assert set(document("x", new).marks) <= merged.marks.keys()


@given(MAPPINGS, st.sets(KEYS))
def test_a_dump_reads_back_as_the_same_data(data: dict[str, Any], inherited: set[str]) -> None:
    marks = {
        path: FilePosition(Path("base.yaml" if path and path[0] in inherited else "mine.yaml"))
        for path in document("x", data).marks
    }
    text = dump(Document(Path("mine.yaml"), data, {**marks, ("z",): FilePosition(Path("base.yaml"))}))
    assert (parse_document(text, Path("x")).data or {}) == data
