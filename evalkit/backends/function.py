"""A Python function as the model: it is given requests and returns a reply to each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from evalkit import digest
from evalkit.backends.engine import Engine, UnpreparedRequest
from evalkit.errors import ModelError
from evalkit.types import Request, Response, Value

ModelFunction: TypeAlias = Callable[[list[Request]], list[str]]


class Function(Value, frozen=True, kw_only=True, tag_field="kind", tag="function"):
    """The record of a function: its name, and the digest of its source.

    The digest changes with the text of the function, not with what the function calls: give the model another name
    when that changes. A model file cannot hold a function; `evalkit.evaluate` takes one.
    """

    name: str
    source: str = ""

    recorded: ClassVar[bool] = False
    generates: ClassVar[bool] = True

    @classmethod
    def of(cls, function: ModelFunction) -> Function:
        """The record of a function or of a callable object."""
        named = function if inspect.isroutine(function) else type(function)
        try:
            source = inspect.getsource(named)
        except (OSError, TypeError):
            source = ""  # typed at a prompt, or written in C
        return cls(name=named.__qualname__, source=digest.of(source) if source else "")

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """Name and digest of the source."""
        return {"kind": "function", "name": self.name, "source": self.source}

    def check(self) -> None:
        """Nothing can be wrong before the call."""

    def with_absolute_paths(self, folder_of: Callable[[str], Path]) -> Function:
        """The same, since it has no paths."""
        return self

    def load(self, *, device: str = "") -> Engine[Any]:
        """Raises ModelError: a name does not bring the function back."""
        raise ModelError(f"the function {self.name} is not in a file: call evalkit.evaluate with it as the model")


class FunctionEngine:
    """Calls the function with every batch."""

    opens_media: ClassVar[bool] = False

    def __init__(self, function: ModelFunction, name: str) -> None:
        self._function, self._name = function, name

    def describe(self) -> Mapping[str, str]:
        """Neither device nor dtype is known."""
        return {"device": "", "dtype": ""}

    def share_prefixes(self, choice: str) -> str:
        """Empty: there is no prefill to share."""
        return ""

    def prepare(self, request: Request) -> UnpreparedRequest:
        """The request itself."""
        return UnpreparedRequest(request)

    def generate(self, batch: Sequence[UnpreparedRequest]) -> Sequence[Response]:
        """A reply to each request. Raises ModelError where the function returns anything but as many texts."""
        requests = [item.request for item in batch]
        replies = list(self._function(requests))
        if len(replies) != len(requests):
            raise ModelError(f"the function {self._name} returned {len(replies)} replies to {len(requests)} requests")
        for reply in replies:
            if not isinstance(reply, str):
                raise ModelError(f"the function {self._name} returned {type(reply).__name__} where a text is expected")
        return [Response(key=request.key, text=text) for request, text in zip(requests, replies, strict=True)]
