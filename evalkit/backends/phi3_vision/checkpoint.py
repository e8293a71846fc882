"""Read the official weight files into the model, every tensor of the right name and shape, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.backends.checkpoint_files import Checkpoint, read_config
from evalkit.backends.phi3_vision.network import build
from evalkit.errors import ModelError

if TYPE_CHECKING:
    import torch

# Official files may hold the token embedding under either name, or under both.
EMBEDDING, AGAIN = "model.embed_tokens.weight", "model.vision_embed_tokens.wte.weight"
WANTED = ["*.safetensors", "*.json"]


def fetch(checkpoint: Checkpoint) -> Path:
    """The checkpoint's folder, downloaded from the hub if it lies there. Raises ModelError."""
    if checkpoint.folder:
        return Path(checkpoint.folder)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(checkpoint.name, revision=checkpoint.revision, allow_patterns=WANTED))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"model: {checkpoint.name} cannot be downloaded ({type(error).__name__}); try again, or download it "
            "elsewhere and give its folder"
        ) from error


def read_model(folder: Path, *, dtype: str, attention: str, device: torch.device) -> Any:
    """The model on `device` with its weights in `dtype` (`auto`: what config.json names).

    Raises ModelError when weights are missing, left over, of another shape or unreadable.
    """
    import torch

    config = read_config(folder)
    stored = config.get("dtype") or config.get("torch_dtype") or "bfloat16"
    chosen = getattr(torch, str(stored) if dtype == "auto" else dtype)
    try:
        model = build(config, attention=attention)
    except (KeyError, ValueError, TypeError, ImportError) as error:
        raise ModelError(
            f"{folder / 'config.json'}: no model can be built of it ({type(error).__name__}: {_line(error)}); "
            "compare it with the official one, or choose another backend.attention"
        ) from error
    found = _shapes(folder)
    check_weights(folder, found, expected={name: tuple(p.shape) for name, p in model.named_parameters()})
    # Parameters are replaced one by one, so at no time does memory hold the weights twice; buffers stay in float32.
    for name, tensor in _tensors(folder, AGAIN if EMBEDDING in found else None):
        placed = tensor.to(device=device, dtype=chosen)
        owner, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(owner), leaf, torch.nn.Parameter(placed, requires_grad=False))
    return model.to(device)


def check_weights(
    folder: Path, found: Mapping[str, tuple[int, ...]], *, expected: Mapping[str, tuple[int, ...]]
) -> None:
    """Compare names and shapes in the files with those of the model. Raises ModelError naming the first that differ."""
    names = dict(found)
    second = names.pop(AGAIN, None)
    if second is not None:
        names.setdefault(EMBEDDING, second)
    misshapen = [
        f"{name} is {list(names[name])}, not {list(shape)}"
        for name, shape in expected.items()
        if name in names and tuple(names[name]) != tuple(shape)
    ]
    differences = {
        "are missing": sorted(expected.keys() - names.keys()),
        "are left over": sorted(names.keys() - expected.keys()),
        "have another shape": misshapen,
    }
    for what, which in differences.items():
        if which:
            shown = ", ".join(which[:3]) + (f" and {len(which) - 3} more" if len(which) > 3 else "")
            raise ModelError(
                f"{folder}: weights {what} ({shown}), so it is not the model that config.json describes; "
                "download the checkpoint again"
            )


def _shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import SafetensorError, safe_open

    found: dict[str, tuple[int, ...]] = {}
    for path in _files(folder):
        try:
            with safe_open(path, "pt") as file:
                shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no dict)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path}: cannot be read ({_line(error)}); download it again") from error
        # Two checkpoints in one folder: which of them it is depends on the order of the files.
        if twice := sorted(found.keys() & shapes.keys()):
            raise ModelError(
                f"{path}: {twice[0]} is in another file of the folder, too; keep the files of one checkpoint"
            )
        found |= shapes
    return found


def _tensors(folder: Path, skipped: str | None) -> Iterator[tuple[str, torch.Tensor]]:
    from safetensors import safe_open

    for path in _files(folder):
        with safe_open(path, "pt") as file:
            for name in sorted(set(file.keys()) - {skipped}):
                yield EMBEDDING if name == AGAIN else name, file.get_tensor(name)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
