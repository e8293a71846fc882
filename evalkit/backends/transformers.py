"""Any image-text-to-text checkpoint of transformers: one processor call per request, one `generate` per batch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evalkit.types import Value

if TYPE_CHECKING:
    from evalkit.backends import Loaded


class Transformers(Value, frozen=True, kw_only=True, tag_field="kind", tag="transformers"):
    """A checkpoint and how it is run.

    model: a folder, a hub id, or `evalkit:NAME` for one shipped with the package. revision: a commit of the hub.
    video: a video goes in as several pictures (`frames`) or, where the family takes one, as a video. chat_template: a
    Jinja file that replaces the checkpoint's. Code of a checkpoint never runs, and only safetensors are read.
    """

    model: str
    revision: str = ""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    video: Literal["frames", "video"] = "frames"
    system: str = ""
    chat_template: str = ""

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """Settings with the checkpoint's content in place of its location; `cache` remembers digests of big files."""
        raise NotImplementedError

    def check(self) -> None:
        """Look at the folder's files only. Raises ModelError."""

    def load(self, *, device: str = "") -> Loaded:
        """Read the weights onto `device` ("cpu", "cuda:1", "npu:0", ...; empty: accelerate's choice)."""
        raise NotImplementedError
