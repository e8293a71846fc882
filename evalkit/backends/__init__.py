"""Backends: `kind` under `backend:` of a model file names one of these classes, and each meets `BackendProtocol`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from evalkit.backends.baseline import Baseline
from evalkit.backends.engine import Engine
from evalkit.backends.function import Function
from evalkit.backends.phi3_vision.spec import Phi3Vision
from evalkit.backends.replay import Replay
from evalkit.backends.transformers import Transformers

Backend: TypeAlias = Transformers | Phi3Vision | Baseline | Replay | Function


class BackendProtocol(Protocol):
    """The contract of every member of `Backend`: frozen settings, which `load` turns into an `Engine`.

    Constructors do no I/O, and only `load` imports torch.
    """

    recorded: ClassVar[bool]
    """True if the replies were made elsewhere and are only looked up, by sample id: no prompt was sent, no medium was
    opened, and the settings that made the replies are not known here."""

    generates: ClassVar[bool]
    """True if a model makes each reply from the task's prompt under the task's generation settings, so that a report
    may state both; false for recorded replies and baselines."""

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """The part of a request's key that the backend adds: plain data with all that can change a reply.

        With `by_sample: True` in it, replies belong to samples, not to prompts, and the key holds the sample's id and
        view, too. Digests of large files are kept in the folder `cache`. Raises ModelError for a checkpoint or
        file that is not there.
        """

    def check(self) -> None:
        """Raise ModelError for mistakes that can be found without loading anything heavy."""

    def with_absolute_paths(self, folder_of: Callable[[str], Path]) -> Backend:
        """The same backend, its relative paths starting at the folder of the file that holds them.

        `folder_of` gives that folder by the name of the field; of a file and the one that it extends they may differ.
        """

    def load(self, *, device: str = "") -> Engine[Any]:
        """An engine on `device` ("cpu", "cuda:1", "npu:0", ...; empty: accelerate's choice for this process).

        Raises ModelError for a checkpoint or a device that cannot be used, and ResumableError for a broken device.
        """


if TYPE_CHECKING:

    def _every_backend(member: Backend) -> BackendProtocol:
        """mypy rejects this return where a member lacks a part of the protocol."""
        return member
