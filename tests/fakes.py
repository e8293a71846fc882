"""A model whose replies are a function of the request, for tests of everything around models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalkit.backends.engine import Prefix, SharePrefix
from evalkit.media.open import open_image
from evalkit.types import Image, Request, Response


@dataclass(frozen=True)
class Prepared:
    request: Request
    tokens: int
    prefix: Prefix | None = None


@dataclass
class FakeEngine:
    """Says `reply(request)`; opens every picture, as a real processor does; remembers the batches it was given."""

    reply: Callable[[Request], str] = lambda request: f"reply to {request.sample_id}"
    batches: list[list[str]] = field(default_factory=list)
    open_media: bool = True
    opens_media: bool = False  # so that batches do not begin with few pictures

    def describe(self) -> Mapping[str, str]:
        return {"device": "cpu", "dtype": "float32"}

    def share_prefixes(self, choice: SharePrefix) -> str:
        return ""

    def prepare(self, request: Request) -> Prepared:
        for media in request.media:
            if self.open_media and isinstance(media, Image):
                open_image(media)
        return Prepared(request, tokens=10 + 100 * len(request.media))

    def generate(self, batch: Sequence[Prepared]) -> list[Response]:
        self.batches.append([item.request.sample_id for item in batch])
        return [Response(key=item.request.key, text=self.reply(item.request), tokens=1) for item in batch]


def noting(notes: list[Any], note: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; each call first appends what `note` makes of the positional arguments to `notes`."""

    def noted(*arguments: Any, **options: Any) -> Any:
        notes.append(note(*arguments))
        return function(*arguments, **options)

    return noted
