"""Settings of a Phi-3.5-vision checkpoint in a model file, and the part of a request's key that they add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from evalkit.backends import checkpoint_files
from evalkit.backends.engine import Engine
from evalkit.backends.phi3_vision.geometry import NumCrops
from evalkit.backends.phi3_vision.lora import check_adapter
from evalkit.errors import ModelError
from evalkit.types import Value

if TYPE_CHECKING:
    from evalkit.backends.phi3_vision.engine import Phi3VisionPrompt

MODEL_TYPE = "phi3_v"


class Phi3Vision(Value, frozen=True, kw_only=True, tag_field="kind", tag="phi3_vision"):
    """A checkpoint with the weight names of microsoft/Phi-3.5-vision-instruct, and how it is run.

    model: a folder, or a hub id. revision: a commit of the hub. dtype: `auto` is the one that config.json names.
    attention: of the decoder; the image encoder always runs with sdpa, as in the reference. adapter: the folder of a
    LoRA adapter (needs the extra `lora`), added to the weights. The model gets videos as images, one a frame.
    """

    recorded: ClassVar[bool] = False
    generates: ClassVar[bool] = True

    model: str
    revision: str = ""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    num_crops: NumCrops = NumCrops()
    adapter: str = ""

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """The settings, with the digest of a local checkpoint's content in place of its folder."""
        content = checkpoint_files.locate(self.model, self.revision).identity(cache=cache)
        crops = msgspec.to_builtins(self.num_crops)
        adapter = checkpoint_files.checkpoint_digest(self._adapter(), cache=cache) if self.adapter else ""
        settings = {"dtype": self.dtype, "attention": self.attention, "num_crops": crops, "adapter": adapter}
        return {"kind": "phi3_vision", **content, **settings}

    def check(self) -> None:
        """Look at the files, where they are on this machine already. Raises ModelError."""
        folder = checkpoint_files.cached(checkpoint_files.locate(self.model, self.revision))
        if folder is not None:
            check_folder(folder)
        if self.adapter:
            self._adapter()

    def with_absolute_paths(self, folder_of: Callable[[str], Path]) -> Phi3Vision:
        """As in `BackendProtocol`; the fields `model` and `adapter` are paths."""
        model = checkpoint_files.model_beside(self.model, folder_of("model"))
        adapter = checkpoint_files.path_beside(self.adapter, folder_of("adapter"))
        return msgspec.structs.replace(self, model=model, adapter=adapter)

    def load(self, *, device: str = "") -> Engine[Phi3VisionPrompt]:
        """Read the weights onto `device` ("cpu", "cuda:1", "npu:0", ...; empty: accelerate's choice).

        Raises ModelError when weights are missing, left over or of another shape.
        """
        from evalkit.backends.device import choose, settle_threads
        from evalkit.backends.phi3_vision.checkpoint import download, read_phi3_vision
        from evalkit.backends.phi3_vision.engine import Phi3VisionEngine
        from evalkit.backends.phi3_vision.lora import merge
        from evalkit.backends.phi3_vision.tokens import Phi3Tokenizer

        target = choose(device)
        folder = download(checkpoint_files.locate(self.model, self.revision))
        check_folder(folder)
        tokenizer = Phi3Tokenizer(folder / "tokenizer.json")
        model = read_phi3_vision(folder, dtype=self.dtype, attention=self.attention, device=target)
        if self.adapter:
            model = merge(model, self._adapter())
        settle_threads(model.num_parameters(), target)
        return Phi3VisionEngine(self.num_crops, model, tokenizer)

    def _adapter(self) -> Path:
        folder = Path(self.adapter).expanduser()
        check_adapter(folder)
        return folder


def check_folder(folder: Path) -> None:
    """Refuse a folder without the files this backend reads, or of another family. Raises ModelError."""
    checkpoint_files.check(folder)
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(f"{folder}: there is no tokenizer.json; download it again with the checkpoint")
    model_type = checkpoint_files.read_config(folder).get("model_type")
    if model_type != MODEL_TYPE:
        raise ModelError(
            f"{folder / 'config.json'}: model_type is {model_type!r}, but kind phi3_vision runs {MODEL_TYPE!r} "
            "checkpoints; use kind: transformers for other families"
        )
