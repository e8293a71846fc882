"""A model for the length of one command: its identity, its engine once it is needed, and what it has answered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalkit.backends.engine import Engine, Sharing
from evalkit.spec import ModelSpec
from evalkit.types import Response


class Session:
    """A model for the length of one command: its identity is computed once, and its weights load at the first need.

    `answers` holds every reply of this command by key: tasks that ask the same things ask them once.
    """

    def __init__(self, model: ModelSpec, *, device: str = "", cache: Path | None = None) -> None:
        self.model, self._device, self._cache = model, device, cache
        self._identity: Mapping[str, object] | None = None
        self._engine: Engine[Any] | None = None
        self.facts: Mapping[str, str] = {}
        self.share_prefix = ""
        self.answers: dict[str, Response] = {}

    @property
    def identity(self) -> Mapping[str, object]:
        """What the backend says a reply depends on."""
        if self._identity is None:
            self.model.backend.check()
            self._identity = self.model.backend.identity(cache=self._cache)
        return self._identity

    def engine(self) -> Engine[Any]:
        """The loaded model."""
        if self._engine is None:
            loaded = self.model.backend.load(device=self._device)
            if isinstance(loaded, Sharing):
                self.share_prefix = loaded.share(self.model.share_prefix)
            self._engine, self.facts = loaded, loaded.describe()
        return self._engine
