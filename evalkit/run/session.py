"""A model for the length of one command: its identity, its engine once it is needed, and its answers so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evalkit.backends.engine import Engine
from evalkit.registry.spec import ModelSpec
from evalkit.run import provenance
from evalkit.run.response_log import Log
from evalkit.types import Request, Response


class Session:
    """A model for the length of one command: its identity is computed once, and its weights load at the first need.

    `answers` holds the replies to its tasks so far by key, since equal requests of several tasks are executed once;
    `origins` names the devices of these replies. `planned` are the keys of all tasks so far, answered or not. An
    `engine` is used instead of loading the model.
    """

    def __init__(
        self, model: ModelSpec, *, engine: Engine[Any] | None = None, device: str = "", cache: Path | None = None
    ) -> None:
        self.model, self.device, self._cache, self._loaded = model, device, cache, engine
        self._identity: Mapping[str, object] | None = None
        self._engine: Engine[Any] | None = None
        self.facts: Mapping[str, str] = {}
        self.share_prefix = ""
        self.answers: dict[str, Response] = {}
        self.origins: Mapping[str, str] = {}
        self.planned: set[str] = set()

    @property
    def identity(self) -> Mapping[str, object]:
        """All that a reply depends on beside the request, as the backend names it."""
        if self._identity is None:
            self.model.backend.check()
            self._identity = self.model.backend.identity(cache=self._cache)
        return self._identity

    def engine(self) -> Engine[Any]:
        """The loaded model; loads it at the first call."""
        if self._engine is None:
            engine = self._loaded or self.model.backend.load(device=self.device)
            self.share_prefix = engine.share_prefixes(self.model.share_prefix)
            self._engine, self.facts = engine, engine.describe()
        return self._engine

    def remember(self, requests: Iterable[Request], log: Log, origins: Mapping[str, str]) -> None:
        """Keep a task's answers, made on the devices in `origins`, for the tasks after it."""
        self.answers.update({r.key: log.responses[r.key] for r in requests if log.answered(r.key)})
        self.origins = provenance.merge_facts(self.origins, origins)
