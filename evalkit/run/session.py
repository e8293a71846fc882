"""A model for the length of one command: its identity, its engine once it is needed, and what it has answered."""

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

    `answers` holds the replies to its tasks so far by key, since tasks that ask the same things ask them once; their
    devices are named in `origins`. `planned` are the keys of all tasks so far, answered or not. An `engine` that is
    there already is used instead of loading the model.
    """

    def __init__(
        self, model: ModelSpec, *, engine: Engine[Any] | None = None, device: str = "", cache: Path | None = None
    ) -> None:
        self.model, self.device, self._cache, self._given = model, device, cache, engine
        self._identity: Mapping[str, object] | None = None
        self._engine: Engine[Any] | None = None
        self.facts: Mapping[str, str] = {}
        self.share_prefix = ""
        self.answers: dict[str, Response] = {}
        self.origins: Mapping[str, str] = {}
        self.planned: set[str] = set()

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
            engine = self._given or self.model.backend.load(device=self.device)
            self.share_prefix = engine.share_prefixes(self.model.share_prefix)
            self._engine, self.facts = engine, engine.describe()
        return self._engine

    def knows(self, requests: Iterable[Request], log: Log, origins: Mapping[str, str]) -> None:
        """Keep a task's answers, which came from `origins`, for the tasks after it."""
        self.answers.update({r.key: log.responses[r.key] for r in requests if log.answered(r.key)})
        self.origins = provenance.merged(self.origins, origins)
