"""A checkpoint's files: find them, check that they are complete, and digest their content."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from evalkit import digest
from evalkit.errors import ModelError
from evalkit.types import Value

BUNDLED = "evalkit:"
ASSETS = Path(str(resources.files("evalkit") / "assets"))
COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")

# Bytes from which a file's digest is kept on disk; a smaller file is hashed again as fast as its digest is looked up.
LARGE_FILE = 1 << 20


class Checkpoint(Value, frozen=True, kw_only=True):
    """A checkpoint by location: `folder`, or (`folder` empty) the commit `revision` of the hub's `name`."""

    name: str
    folder: str = ""
    revision: str = ""

    def identity(self, *, cache: Path | None = None) -> dict[str, object]:
        """The checkpoint in a request's key: the digest of a folder's content, or name and commit of the hub."""
        if self.folder:
            return {"weights": checkpoint_digest(Path(self.folder), cache=cache)}
        return {"model": self.name, "revision": self.revision}


def locate(model: str, revision: str = "") -> Checkpoint:
    """Find a folder, a shipped model (`evalkit:NAME`) or a hub id.

    A hub's branch or tag is resolved to its commit: from the local cache, else by asking the hub. Raises ModelError
    where nothing of that name can exist, or the hub does not answer.
    """
    if model.startswith(BUNDLED):
        return Checkpoint(name=model, folder=str(_folder(ASSETS / model.removeprefix(BUNDLED), model)))
    path = Path(model).expanduser()
    if path.is_dir():
        return Checkpoint(name=model, folder=str(path.resolve()))
    if path.exists() or not HUB_ID.fullmatch(model):
        return Checkpoint(name=model, folder=str(_folder(path, model)))
    return Checkpoint(name=model, revision=_commit(model, revision))


def path_beside(path: str, folder: Path) -> str:
    """A path of a model file: a relative one starts at the file's `folder`; an empty one and `~` stay as they are."""
    return str((folder / path).resolve()) if path and not path.startswith("~") else path


def model_beside(model: str, folder: Path) -> str:
    """The same of a model; a hub id stays one where no such folder stands beside the file, `evalkit:NAME` always."""
    is_hub_id = HUB_ID.fullmatch(model) and not (folder / model).is_dir()
    return model if is_hub_id or model.startswith(BUNDLED) else path_beside(model, folder)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json as it is. Raises ModelError where it cannot be read."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not readable JSON ({type(error).__name__}); download it again") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path}: not a JSON object; download it again")
    return config


def cached_config(model: str, revision: str = "") -> Path | None:
    """The config.json of a hub id in the local cache, else None."""
    from huggingface_hub import try_to_load_from_cache

    try:
        config = try_to_load_from_cache(model, "config.json", revision=revision or None)
    except ValueError:
        return None  # not an id that the hub could hold, which `locate` reports
    return Path(config) if isinstance(config, str) else None


def cached(checkpoint: Checkpoint) -> Path | None:
    """The folder of a checkpoint if all shards of its weights are on this machine, else None.

    The hub's cache fills file by file, so a file that is not there yet is no mistake of the user.
    """
    if checkpoint.folder:
        return Path(checkpoint.folder)
    config = cached_config(checkpoint.name, checkpoint.revision)
    if config is None:
        return None
    folder = config.parent
    names = {path.name for path in folder.iterdir()}
    index = folder / "model.safetensors.index.json"
    shards = _shards(index) if index.name in names else {"model.safetensors"}
    return folder if shards <= names else None


def check(folder: Path) -> None:
    """Refuse a folder that lacks a config, safetensors weights (all shards), a tokenizer or an image processor."""
    names = {path.name for path in folder.iterdir()}
    if "config.json" not in names:
        if "adapter_config.json" in names:
            raise ModelError(_adapter_advice(folder))
        raise ModelError(f"{folder}: there is no config.json, so this is no transformers checkpoint; name its folder")
    _check_weights(folder, names)
    if not names & {"processor_config.json", "preprocessor_config.json"}:
        raise ModelError(
            f"{folder}: there is no processor_config.json or preprocessor_config.json; "
            "save the processor beside the weights with processor.save_pretrained"
        )
    if not names & {"tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json"}:
        raise ModelError(
            f"{folder}: there is no tokenizer.json or tokenizer.model; "
            "save the tokenizer beside the weights with processor.save_pretrained"
        )


def checkpoint_digest(folder: Path, *, cache: Path | None = None) -> str:
    """The sha256 over names and contents of the files on which replies depend: weights, configs, tokenizer, templates.

    Readmes and licences do not count. `cache` is a folder in which the digests of large files are kept by path, size
    and modification time.
    """
    return digest.of({path.name: _digest(path, cache) for path in _relevant(folder)})


def _folder(path: Path, model: str) -> Path:
    if path.is_dir():
        return path
    if path.exists():
        raise ModelError(f"model: {model} is a file; name the folder that holds config.json and *.safetensors")
    raise ModelError(f"model: there is no folder {model}; {_hint(path, model)}")


def _hint(path: Path, model: str) -> str:
    parent = path.parent
    siblings = [entry.name for entry in parent.iterdir() if entry.is_dir()] if parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=1)
    prefix = BUNDLED if model.startswith(BUNDLED) else f"{parent}/"
    return f"did you mean {prefix}{close[0]}?" if close else "give a folder, a hub id (owner/name) or evalkit:NAME"


def _commit(model: str, revision: str) -> str:
    if COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    # A branch that was downloaded before stays at that commit: a run that resumes must not change its model midway.
    try:
        config = try_to_load_from_cache(model, "config.json", revision=revision or "main")
        path = config if isinstance(config, str) else hf_hub_download(model, "config.json", revision=revision or None)
    except (EntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(
            f"model: {model} is no folder here, and the hub does not give us its revision {revision or 'main'} "
            f"({type(error).__name__}); {_hint(Path(model), model)}"
        ) from error
    # The cache files a download under its commit: snapshots/<commit>/config.json.
    return Path(path).parent.name


def _adapter_advice(folder: Path) -> str:
    try:
        base = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        base = None  # peft leaves it out at times
    return (
        f"{folder}: this is a LoRA adapter, not a model; write a model file with "
        f"`backend: {{kind: phi3_vision, model: {base or 'BASE'}, adapter: {folder}}}` and give that file to --model. "
        "An adapter of another family has to be merged into its base first (merge_and_unload of peft)"
    )


def _check_weights(folder: Path, names: set[str]) -> None:
    if not any(name.endswith(".safetensors") for name in names):
        pickles = sorted(name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt")))
        if pickles:
            raise ModelError(
                f"{folder}: {pickles[0]} is a pickle, which can run code when read; convert the weights to safetensors "
                "(model.save_pretrained writes them) and try again"
            )
        raise ModelError(f"{folder}: there are no weights; put the *.safetensors files beside config.json")
    index = folder / "model.safetensors.index.json"
    if index.name in names and "model.safetensors" not in names:
        missing = sorted(_shards(index) - names)
        if missing:
            raise ModelError(
                f"{folder}: the shard {missing[0]} named by {index.name} is missing; copy or download it again"
            )


def _shards(index: Path) -> set[str]:
    try:
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{index}: not an index of shards; copy or download it again") from error
    if not isinstance(shards, Mapping):
        raise ModelError(f"{index}: weight_map is not a mapping; copy or download it again")
    return {str(shard) for shard in shards.values()}


def _relevant(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        ignored = name.startswith((".", "readme", "license", "licence", "notice", "trainer_state", "training_args"))
        if path.is_file() and not ignored and path.suffix in SUFFIXES:
            yield path


SUFFIXES = {".safetensors", ".json", ".jinja", ".model", ".txt", ".tiktoken"}


def _digest(path: Path, cache: Path | None) -> str:
    status = path.stat()
    if cache is None or status.st_size < LARGE_FILE:
        return digest.of_file(path)
    entry = cache / digest.of([str(path.resolve()), status.st_size, status.st_mtime_ns])
    if entry.is_file():
        return entry.read_text(encoding="ascii")
    content = digest.of_file(path)
    cache.mkdir(parents=True, exist_ok=True)
    # Written under another name and renamed, so that no reader sees a part of a digest.
    temporary = entry.with_name(f"{entry.name}.{os.getpid()}")
    temporary.write_text(content, encoding="ascii")
    temporary.replace(entry)
    return content
