"""Name the kind of backend that runs a checkpoint: our own for families whose code transformers does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evalkit.backends import checkpoint_files
from evalkit.errors import ModelError

GENERIC_KIND = "transformers"
NATIVE_KINDS: Mapping[str, str] = {"phi3_v": "phi3_vision"}
"""The kind under `backend:` by the `model_type` of config.json; another family of our own is another row."""
HUB_MODEL_TYPES: Mapping[str, str] = {
    "microsoft/phi-3.5-vision-instruct": "phi3_v",
    "microsoft/phi-3-vision-128k-instruct": "phi3_v",
}
"""The `model_type` of hub ids, in lower case, that are known before their config.json is on this machine."""


def kind_of(model: str, revision: str = "") -> str:
    """Return the kind that runs a checkpoint's folder or a hub id; nothing is downloaded.

    A hub id is told by the config.json in the local cache, else by name.
    """
    folder = Path(model).expanduser()
    config = folder / "config.json" if folder.is_dir() else checkpoint_files.cached_config(model, revision)
    known = HUB_MODEL_TYPES.get(model.lower(), "")
    return NATIVE_KINDS.get(_model_type(config.parent) if config and config.is_file() else known, GENERIC_KIND)


def refuse_native(model: str, revision: str = "") -> None:
    """Raise ModelError for a family of our own, which transformers would run by the checkpoint's code."""
    kind = kind_of(model, revision)
    if kind != GENERIC_KIND:
        raise ModelError(
            f"{model}: transformers would need code of the checkpoint, which evalkit never runs; write kind: {kind} in "
            f"the model file, or name the checkpoint itself: --model {model}"
        )


def _model_type(folder: Path) -> str:
    try:
        return str(checkpoint_files.read_config(folder).get("model_type"))
    except ModelError:
        return ""  # of no family; the backend that loads the checkpoint tells what is wrong with the file
