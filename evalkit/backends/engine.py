"""The contract of a loaded model: prepare a request on any thread, generate a batch on one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from evalkit.errors import ModelError
from evalkit.types import Request, Response

SharePrefix: TypeAlias = Literal["auto", "on", "off"]
"""Values of `share_prefix` in a model file."""


class Prefix(NamedTuple):
    """The first `length` positions of a prompt, all its images among them.

    Prompts whose prefixes have equal `name`s begin with the same tokens and images, so one prefill serves them all.
    """

    name: Hashable
    length: int


class PreparedRequest(Protocol):
    """A request made ready for the device by `Engine.prepare`."""

    @property
    def request(self) -> Request:
        """The request it was made from."""

    @property
    def tokens(self) -> int:
        """Length of the prompt in positions of the model, image features included; 0 for an engine without a device.

        The token budget of a batch counts it.
        """

    @property
    def prefix(self) -> Prefix | None:
        """The prefix that other prompts may share; None where nothing is shared."""


class UnpreparedRequest(NamedTuple):
    """A request as it is, for engines that neither open media nor hold anything in the memory of a device."""

    request: Request
    tokens: int = 0
    prefix: Prefix | None = None


PreparedT = TypeVar("PreparedT", bound=PreparedRequest)


class Engine(Protocol[PreparedT]):
    """A model that is ready to run; `Backend.load` returns one."""

    @property
    def opens_media(self) -> bool:
        """True if `prepare` opens media, which takes time; the first batches of a run then show few of them."""

    def describe(self) -> Mapping[str, str]:
        """`device` and `dtype` in use, for run.json; they change replies, so a run never mixes them silently."""

    def share_prefixes(self, choice: SharePrefix) -> str:
        """Follow a model file's `share_prefix`; return "on", "off (reason)", or "" for an engine without a prefill.

        Raises ModelError where the choice is "on" and shared prefills would change replies.
        """

    def prepare(self, request: Request) -> PreparedT:
        """Open the media of a request and tokenize its prompt, on any thread and never on the device.

        Raises MediaError for media that cannot be read, and ModelError for a prompt that the model cannot take.
        """

    def generate(self, batch: Sequence[PreparedT]) -> Sequence[Response]:
        """Replies in the order of `batch`, from one thread; all requests have equal generation settings.

        An exception is about the whole batch: the caller halves it and calls again. Raises OutOfMemoryError.
        """


def sharing_state(choice: SharePrefix, obstacle: str) -> str:
    """The answer of `Engine.share_prefixes`, where `obstacle` is a reason against sharing or empty.

    Raises ModelError where the choice is "on" and there is an obstacle.
    """
    reason = "switched off" if choice == "off" else obstacle
    if choice == "on" and reason:
        raise ModelError(f"share_prefix: on: replies would change, since {reason}; write auto or off")
    return f"off ({reason})" if reason else "on"
