"""Read the official weight files into the model: every tensor by its name and in its shape, or none at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.backends.checkpoint_files import Checkpoint, read_config
from evalkit.backends.phi3_vision.network import build_model
from evalkit.errors import ModelError

if TYPE_CHECKING:
    import torch

# Official files may hold the token embedding under either name, or under both.
EMBEDDING, EMBEDDING_ALIAS = "model.embed_tokens.weight", "model.vision_embed_tokens.wte.weight"
NEEDED_FILES = ["*.safetensors", "*.json"]


def download(checkpoint: Checkpoint) -> Path:
    """The folder of a checkpoint; one on the hub is downloaded. Raises ModelError."""
    if checkpoint.folder:
        return Path(checkpoint.folder)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(checkpoint.name, revision=checkpoint.revision, allow_patterns=NEEDED_FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"model: {checkpoint.name} cannot be downloaded ({type(error).__name__}); try again, or download it "
            "elsewhere and give its folder"
        ) from error


def read_phi3_vision(folder: Path, *, dtype: str, attention: str, device: torch.device) -> Any:
    """The model on `device` with its weights in `dtype` (`auto`: what config.json names).

    Raises ModelError when weights are missing, left over, of another shape or unreadable.
    """
    import torch

    config = read_config(folder)
    stored = config.get("dtype") or config.get("torch_dtype") or "bfloat16"
    weights_dtype = getattr(torch, str(stored) if dtype == "auto" else dtype)
    try:
        model = build_model(config, attention=attention)
    except (KeyError, ValueError, TypeError, ImportError) as error:
        raise ModelError(
            f"{folder / 'config.json'}: no model can be built of it ({type(error).__name__}: {_line(error)}); "
            "compare it with the official one, or choose another backend.attention"
        ) from error
    shapes = _shapes(folder)
    check_weights(folder, shapes, expected={name: tuple(p.shape) for name, p in model.named_parameters()})
    # Parameters are replaced one by one, so at no time does memory hold the weights twice; buffers stay in float32.
    for name, tensor in _tensors(folder, EMBEDDING_ALIAS if EMBEDDING in shapes else None):
        weight = torch.nn.Parameter(tensor.to(device=device, dtype=weights_dtype), requires_grad=False)
        module, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(module), attribute, weight)
    return model.to(device)


def check_weights(
    folder: Path, shapes: Mapping[str, tuple[int, ...]], *, expected: Mapping[str, tuple[int, ...]]
) -> None:
    """Compare names and shapes in the files with those of the model. Raises ModelError naming the first that differ."""
    files = dict(shapes)
    alias = files.pop(EMBEDDING_ALIAS, None)
    if alias is not None:
        files.setdefault(EMBEDDING, alias)
    differences = {
        "are missing": sorted(expected.keys() - files.keys()),
        "are left over": sorted(files.keys() - expected.keys()),
        "have another shape": [
            f"{name} is {list(files[name])}, not {list(shape)}"
            for name, shape in expected.items()
            if name in files and tuple(files[name]) != tuple(shape)
        ],
    }
    for difference, names in differences.items():
        if names:
            examples = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            raise ModelError(
                f"{folder}: weights {difference} ({examples}), so it is not the model that config.json describes; "
                "download the checkpoint again"
            )


def _shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import SafetensorError, safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt") as file:
                more = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no dict)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path}: cannot be read ({_line(error)}); download it again") from error
        # Two checkpoints in one folder: the order of the files would decide which of them it is.
        if twice := sorted(shapes.keys() & more.keys()):
            raise ModelError(
                f"{path}: {twice[0]} is in another file of the folder, too; keep the files of one checkpoint"
            )
        shapes |= more
    return shapes


def _tensors(folder: Path, skip: str | None) -> Iterator[tuple[str, torch.Tensor]]:
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in sorted(set(file.keys()) - {skip}):
                yield EMBEDDING if name == EMBEDDING_ALIAS else name, file.get_tensor(name)


def _line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
