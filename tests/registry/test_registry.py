"""Registry files decode into typed specs; a mistake is reported as file:line:column with a suggestion."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from evalkit.errors import EvalkitError
from evalkit.registry import catalog, load
from evalkit.registry.spec import CardSpec, ModelSpec, TaskSpec

TASK = """\
name: prices
title: {en: Prices}
samples: 3
source: {kind: jsonl, path: prices.jsonl}
columns:
  id: id
  question: question
  answer: answer
  groups: {shop: shop}
adapter: {kind: short_answer, rule: {kind: text}}
generation: {max_new_tokens: 8}
metrics:
  accuracy: {kind: accuracy, by: [shop]}
headline: accuracy
"""


def task_in(folder: Path, text: str) -> TaskSpec:
    file = folder / "prices.yaml"
    file.write_text(text, encoding="utf-8")
    return load.file(TaskSpec, file)


def test_a_task_decodes_into_typed_values(tmp_path: Path) -> None:
    task = task_in(tmp_path, TASK)
    assert task.samples == 3
    assert task.generation.max_new_tokens == 8
    assert task.title.get("zh") == "Prices"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_new_tokens: 8", "max_new_tokens: 8, temprature: 1",
         "prices.yaml:11:33: generation.temprature: unknown field, did you mean temperature?"),
        ("kind: jsonl", "kind: jsnl", "prices.yaml:4:10: source.kind: unknown kind 'jsnl', did you mean jsonl?"),
        ("samples: 3", "samples: three", "prices.yaml:3:1: samples: expected int, got str"),
        ("samples: 3\n", "", "prices.yaml:1:1: samples: this field is required; add it"),
        ("kind: accuracy,", "kind: accuracy, averag: macro,",
         "prices.yaml:13:30: metrics.accuracy.averag: unknown field, did you mean average?"),
        ("headline: accuracy", "headline: acuracy", "headline: no metric is called 'acuracy', did you mean accuracy?"),
        ("by: [shop]", "by: [shp]",
         "prices.yaml:13:3: metrics.accuracy: columns.groups has no 'shp', did you mean shop?"),
        ("headline:", "metrics_of: {strict: {accuracy: {kind: accuracy}}}\nheadline:",
         "prices.yaml:14:14: metrics_of: no rule is called 'strict'"),
        ("headline:", "rules: {strict: {kind: text}}\nreadings: {extracted: strct}\nheadline:",
         "readings: no rule is called 'strct', did you mean strict?"),
        ("headline:", "rules: {strict: {kind: text}}\nmetrics_of: {strict: {acuracy: {kind: accuracy}}}\nheadline:",
         "metrics_of.strict.acuracy: no metric is called 'acuracy', did you mean accuracy?"),
        ("  question: question\n", "", "prices.yaml:5:1: columns.question: this field is required; add it"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TASK
    with pytest.raises(EvalkitError) as error:
        task_in(tmp_path, TASK.replace(old, new))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [TaskSpec, ModelSpec, CardSpec])
def test_every_registered_file_decodes_and_is_named_as_its_file(kind: type) -> None:
    names = load.files(kind)
    assert names
    for name in names:
        assert load.spec(kind, name).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mmu_val", "unknown task 'mmu_val', did you mean mmmu_val?"),
        ("nothing/like.yaml", "nothing/like.yaml: cannot be read (No such file or directory)"),
    ],
)
def test_an_unknown_task_is_answered_with_a_suggestion(name: str, message: str) -> None:
    with pytest.raises(EvalkitError, match=r"cannot be read|did you mean") as error:
        load.spec(TaskSpec, name)
    assert message in str(error.value)


def test_a_model_is_a_name_a_folder_or_a_hub_id(tmp_path: Path) -> None:
    assert load.model("pocket-vlm").name == "pocket-vlm"
    (tmp_path / "my-model").mkdir()
    assert load.model(str(tmp_path / "my-model")).name == "my-model"
    assert load.model("org/some-model").name == "org--some-model"
    for missing in ("./no/such/folder", "/no/such/folder"):
        with pytest.raises(EvalkitError, match="there is no model folder"):
            load.model(missing)
    with pytest.raises(EvalkitError, match="unknown model 'pocket-vml', did you mean pocket-vlm"):
        load.model("pocket-vml")


def test_the_suite_mini_covers_the_six_benchmarks() -> None:
    assert {t.removeprefix("mini_").split("_")[0] for t in load.suite("mini")} == {
        "mmmu", "mmbench", "blink", "videomme", "textvqa", "pope",
    }  # fmt: skip


def test_the_schemas_for_editors_are_those_of_the_types() -> None:
    for name, schema in load.schemas().items():
        file = catalog.PACKAGE.parent / "docs" / "schema" / f"{name}.schema.json"
        assert json.loads(file.read_text()) == json.loads(msgspec.json.encode(schema)), (
            "run `evalkit check --schema docs/schema`"
        )
