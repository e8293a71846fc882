"""The one seam to a model: prepare a request on any thread, generate a batch on one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from evalkit.errors import ModelError
from evalkit.types import Request, Response


class Prepared(Protocol):
    """What an engine makes of a request ahead of the device.

    Where the engine reads an equal beginning once for all that share it, there is also `head`: a Head, or None where
    nothing is shared.
    """

    @property
    def request(self) -> Request:
        """The request it was made from."""

    @property
    def tokens(self) -> int:
        """Length of the prompt in the model's own positions, pictures included; what a batch's token budget counts."""


class Head(NamedTuple):
    """The first `length` positions of a prompt, its pictures among them; prompts with equal names have equal heads."""

    name: Hashable
    length: int


T = TypeVar("T", bound=Prepared)

Share: TypeAlias = Literal["auto", "on", "off"]


class Engine(Protocol[T]):
    """A loaded model."""

    def prepare(self, request: Request) -> T:
        """Decode media and run the processor. Any thread, never the device; raises on media that cannot be read."""

    def generate(self, batch: Sequence[T]) -> Sequence[Response]:
        """Replies in the order of `batch`, from one thread. Raises for the whole batch; the caller halves it."""


@runtime_checkable
class Sharing(Protocol):
    """What an engine also answers where the prefill of equal beginnings can be shared."""

    def share(self, choice: Share) -> str:
        """Follow a model file's `share_prefix`; "on", or "off" and why. Raises ModelError where "on" cannot be had."""


def decided(choice: Share, obstacle: str) -> str:
    """What an engine says of sharing: "on", or "off" and why. Raises ModelError where "on" would change replies."""
    reason = "switched off" if choice == "off" else obstacle
    if choice == "on" and reason:
        raise ModelError(f"share_prefix: on: replies would change, since {reason}; write auto or off")
    return f"off ({reason})" if reason else "on"
