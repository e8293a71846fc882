"""Replies that need no model: what blind guessing, or always saying the same, is worth on a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from evalkit.types import Value

if TYPE_CHECKING:
    from evalkit.backends import Loaded


class FirstOption(Value, frozen=True, tag_field="kind", tag="first"):
    """The first option the prompt offers."""


class RandomOption(Value, frozen=True, tag_field="kind", tag="random"):
    """One of the options the prompt offers, drawn by `seed` and the request's key: no order of requests changes it."""

    seed: int = 0


class AlwaysYes(Value, frozen=True, tag_field="kind", tag="yes"):
    """The word "yes", whatever is asked."""


class Majority(Value, frozen=True, tag_field="kind", tag="majority"):
    """The `answer` that is right most often, as the author of the model file counted it."""

    answer: str


Strategy: TypeAlias = FirstOption | RandomOption | AlwaysYes | Majority


class Baseline(Value, frozen=True, kw_only=True, tag_field="kind", tag="baseline"):
    """A strategy in place of a model."""

    strategy: Strategy

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """The strategy itself."""
        raise NotImplementedError

    def check(self) -> None:
        """Nothing can be missing."""

    def load(self, *, device: str = "") -> Loaded:
        """An engine without weights; `device` does not matter."""
        raise NotImplementedError
