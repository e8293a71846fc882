"""The one seam to a model: prepare a request on any thread, generate a batch on one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from evalkit.types import Request, Response


class Prepared(Protocol):
    """What an engine makes of a request ahead of the device."""

    @property
    def request(self) -> Request:
        """The request it was made from."""

    @property
    def tokens(self) -> int:
        """Length of the prompt in the model's own positions, pictures included; what a batch's token budget counts."""


T = TypeVar("T", bound=Prepared)


class Engine(Protocol[T]):
    """A loaded model."""

    def prepare(self, request: Request) -> T:
        """Decode media and run the processor. Any thread, never the device; raises on media that cannot be read."""

    def generate(self, batch: Sequence[T]) -> Sequence[Response]:
        """Replies in the order of `batch`, from one thread. Raises for the whole batch; the caller halves it."""


class OutOfMemoryError(Exception):
    """The device's memory did not hold the batch: the caller may retry with a smaller one."""
