"""Add a LoRA adapter's changes to the weights of a loaded model, all of them or none."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from evalkit.errors import ModelError

WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"


def check_adapter(folder: Path) -> None:
    """Raise ModelError for a folder that holds no LoRA adapter in safetensors."""
    for name in (SETTINGS, WEIGHTS):
        if not (folder / name).is_file():
            raise ModelError(
                f"backend.adapter: there is no {folder / name}; name the folder that peft's save_pretrained wrote"
            )
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / SETTINGS}: not readable JSON ({type(error).__name__}); copy it again") from error
    peft_type = settings.get("peft_type") if isinstance(settings, dict) else None
    if peft_type != "LORA":
        raise ModelError(f"{folder / SETTINGS}: peft_type is {peft_type!r}, but only 'LORA' can be added to weights")


def merge(model: Any, folder: Path) -> Any:
    """The model with the adapter of `folder` added to its weights, in their dtype.

    Raises ModelError where peft is not installed, or a tensor of the adapter has no place in the model.
    """
    try:
        from peft import PeftModel, get_peft_model_state_dict
    except ImportError as error:
        raise ModelError("backend.adapter needs peft; install it with: pip install 'evalkit-vlm[lora]'") from error
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, "pt") as file:
            names = set(file.keys())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = str(error).strip().split("\n", 1)[0].rstrip(".") or type(error).__name__
        raise ModelError(f"{folder}: the adapter does not fit ({reason}); check its base model") from error
    # peft skips tensors that the model has no module for, with a warning at most, and the scores would be those of
    # another model. Whether an adapter has whole embeddings, peft would find out from the base model's config.json,
    # whose model type transformers does not know; so the names are compared with both.
    states = (get_peft_model_state_dict(adapted, save_embedding_layers=whole) for whole in (False, True))
    unmatched = min((sorted(names ^ set(state)) for state in states), key=len)
    if unmatched:
        raise ModelError(
            f"{folder}: {len(unmatched)} tensors of the adapter and the model have no counterpart ({unmatched[0]}); "
            "check its base model"
        )
    return adapted.merge_and_unload().eval()
