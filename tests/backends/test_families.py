"""Checkpoints are run by the kind of backend that their model type wants; paths of a model file start at the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.backends import Backend, checkpoint_files, families
from evalkit.backends.phi3_vision.spec import MODEL_TYPE, Phi3Vision
from evalkit.backends.replay import Replay
from evalkit.backends.transformers import Transformers
from evalkit.errors import ModelError
from evalkit.registry import load
from evalkit.registry.spec import ModelSpec

PHI, LLAVA = {"model_type": "phi3_v"}, {"model_type": "llava"}


def checkpoint(folder: Path, config: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def in_hub_cache(cache: Path, model: str, config: object) -> None:
    commit = "0" * 40
    checkpoint(cache / f"models--{model.replace('/', '--')}" / "snapshots" / commit, config)
    refs = cache / f"models--{model.replace('/', '--')}" / "refs"
    refs.mkdir()
    (refs / "main").write_text(commit)


def test_our_own_kinds_say_their_model_type() -> None:
    assert families.NATIVE_KINDS == {MODEL_TYPE: "phi3_vision"}
    assert set(families.HUB_MODEL_TYPES.values()) <= set(families.NATIVE_KINDS)


@pytest.mark.parametrize(
    ("config", "backend"),
    [
        (PHI, Phi3Vision),
        (LLAVA, Transformers),
        ({}, Transformers),
        ({"model_type": ["phi3_v"]}, Transformers),
        ({"model_type": None}, Transformers),
        ([], Transformers),  # which tells what is wrong with the file
    ],
)
def test_a_folder_takes_the_kind_of_its_model_type(tmp_path: Path, config: object, backend: type[Backend]) -> None:
    folder = checkpoint(tmp_path / "my-model", config)
    model = load.model(str(folder))
    assert (model.name, model.backend) == ("my-model", backend(model=str(folder.resolve())))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("model", "cached", "backend"),
    [
        ("microsoft/Phi-3.5-vision-instruct", None, Phi3Vision),
        ("microsoft/Phi-3-vision-128k-instruct", None, Phi3Vision),
        ("Microsoft/phi-3.5-Vision-instruct", None, Phi3Vision),
        ("me/phi-on-receipts", PHI, Phi3Vision),
        ("me/phi-on-receipts", None, Transformers),
        ("me/other", LLAVA, Transformers),
        ("microsoft/Phi-3.5-vision-instruct", LLAVA, Transformers),
        ("me/..", None, Transformers),
    ],
)
def test_a_hub_id_takes_the_kind_of_its_cached_config_or_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, cached: object, backend: type[Backend]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    if cached:
        in_hub_cache(tmp_path, model, cached)
    assert load.model(model).backend == backend(model=model)  # type: ignore[call-arg]


def test_the_other_kind_names_the_one_that_fits(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "phi", PHI)
    for name in ("model.safetensors", "preprocessor_config.json", "tokenizer.json"):
        (folder / name).write_text("")
    with pytest.raises(ModelError, match=r"evalkit never runs; write kind: phi3_vision in the model file, or name"):
        Transformers(model=str(folder)).check()


def test_the_tiny_phi_is_run_by_its_folder(shared: Path) -> None:
    model = load.model(str(shared / "packs" / "phi3v" / "tiny"))
    assert isinstance(model.backend, Phi3Vision)
    model.backend.check()


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ('{"base_model_name_or_path": "microsoft/Phi-3.5-vision-instruct"}', "microsoft/Phi-3.5-vision-instruct"),
        ('{"base_model_name_or_path": null}', "BASE"),
        ("{}", "BASE"),
        ("[", "BASE"),
        ("[]", "BASE"),
    ],
)
def test_an_adapter_as_the_model_is_answered_with_the_model_file_it_needs(
    tmp_path: Path, settings: str, base: str
) -> None:
    (tmp_path / "adapter_config.json").write_text(settings)
    (tmp_path / "adapter_model.safetensors").write_text("")
    with pytest.raises(ModelError) as error:
        load.model(str(tmp_path)).backend.check()
    place = tmp_path.resolve()
    assert f"`backend: {{kind: phi3_vision, model: {base}, adapter: {place}}}`" in str(error.value)


# --- paths of a model file


@pytest.mark.parametrize(
    ("backend", "field", "path"),
    [
        ("{kind: transformers, model: tiny}", "model", "here/tiny"),
        ("{kind: transformers, model: ./tiny}", "model", "here/tiny"),
        ("{kind: transformers, model: ../beside/tiny}", "model", "beside/tiny"),
        ("{kind: transformers, model: runs/tiny}", "model", "here/runs/tiny"),
        ("{kind: transformers, model: runs/no-such}", "model", None),
        ("{kind: transformers, model: 'evalkit:pocket-vlm'}", "model", None),
        ("{kind: transformers, model: /abs/tiny}", "model", None),
        ("{kind: transformers, model: ~/tiny}", "model", None),
        ("{kind: transformers, model: tiny, chat_template: chat.jinja}", "chat_template", "here/chat.jinja"),
        ("{kind: phi3_vision, model: tiny}", "model", "here/tiny"),
        ("{kind: phi3_vision, model: org/name, adapter: lora}", "adapter", "here/lora"),
        ("{kind: phi3_vision, model: org/name, adapter: lora}", "model", None),
        ("{kind: phi3_vision, model: org/name}", "adapter", None),
        ("{kind: replay, path: replies.jsonl}", "path", "here/replies.jsonl"),
    ],
)
def test_a_path_of_a_model_file_starts_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, field: str, path: str | None
) -> None:
    (tmp_path / "here" / "runs" / "tiny").mkdir(parents=True)
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    file = tmp_path / "here" / "m.yaml"
    file.write_text(f"name: m\nbackend: {backend}\n")
    for name in (str(file), "../here/m.yaml"):
        value = getattr(load.model(name).backend, field)
        as_written = backend.partition(f"{field}: ")[2].split(",")[0].strip("'}") if f"{field}: " in backend else ""
        assert value == (as_written if path is None else str(tmp_path.resolve() / path))


def test_an_inherited_path_starts_at_the_file_that_says_it(tmp_path: Path) -> None:
    for folder in ("base", "heir"):
        (tmp_path / folder).mkdir()
    (tmp_path / "base" / "b.yaml").write_text("name: b\nbackend: {kind: phi3_vision, model: ./tiny, adapter: lora}\n")
    (tmp_path / "heir" / "h.yaml").write_text("name: h\nextends: ../base/b.yaml\nbackend: {adapter: mine}\n")
    backend = load.model(str(tmp_path / "heir" / "h.yaml")).backend
    assert isinstance(backend, Phi3Vision)
    assert (backend.model, backend.adapter) == (
        str(tmp_path.resolve() / "base" / "tiny"),
        str(tmp_path.resolve() / "heir" / "mine"),
    )


def test_where_a_checkpoint_lies_is_no_part_of_its_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "replies.jsonl").write_text('{"id": "1", "prediction": "A"}\n')
    (tmp_path / "m.yaml").write_text("name: m\nbackend: {kind: replay, path: replies.jsonl}\n")
    monkeypatch.chdir(tmp_path)
    before = Replay(path="replies.jsonl").identity()
    monkeypatch.chdir("/")
    assert load.spec(ModelSpec, str(tmp_path / "m.yaml")).backend.identity() == before


def test_the_bundled_model_file_means_what_it_says() -> None:
    backend = load.model("pocket-vlm").backend
    assert isinstance(backend, Transformers)
    assert backend.model.startswith(checkpoint_files.BUNDLED)
