"""What `backend:` of a model file may be: its `kind` names the class, and every class answers the same four verbs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from evalkit.backends.baseline import Baseline
from evalkit.backends.engine import Engine
from evalkit.backends.phi3_vision.spec import Phi3Vision
from evalkit.backends.replay import Replay
from evalkit.backends.transformers import Transformers

Backend: TypeAlias = Transformers | Phi3Vision | Baseline | Replay


class Loaded(Engine[Any], Protocol):
    """A model that is ready to run."""

    def describe(self) -> Mapping[str, str]:
        """`device` and `dtype` as they turned out, for run.json; they change replies and are never mixed silently."""


class Loadable(Protocol):
    """What every member of `Backend` offers; none of it but `load` imports torch."""

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """Plain data with all that can change a reply; `cache` is a folder that remembers digests of weight files."""

    def check(self) -> None:
        """Find cheap mistakes before anything heavy. Raises ModelError."""

    def load(self, *, device: str = "") -> Loaded:
        """Make the engine, on `device` (empty: the best one of this process). Raises ModelError."""
