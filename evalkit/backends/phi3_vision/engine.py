"""Phi-3.5-vision as an engine: whatever the batch, a reply is the one that its request gets alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from evalkit.backends.chat import converse
from evalkit.backends.device import is_out_of_memory
from evalkit.backends.engine import OutOfMemoryError
from evalkit.backends.generation import Gumbel, StopStrings, cut, reply_length
from evalkit.backends.phi3_vision.decoding import Head, buckets, extend, limit_of
from evalkit.backends.phi3_vision.network import see
from evalkit.backends.phi3_vision.pixels import Picture, picture
from evalkit.backends.phi3_vision.tokens import pieces
from evalkit.types import Generation, Media, Request, Response, Video

if TYPE_CHECKING:
    import torch

    from evalkit.backends.phi3_vision.spec import Phi3Vision
    from evalkit.backends.phi3_vision.tokens import Tokenizer


Handle: TypeAlias = tuple[Media, int, int]


class Prompt(NamedTuple):
    """A request on the CPU: `ids` [length] with -n at every position of picture n, and the pictures by their handle.

    A handle is equal for equal pictures: its medium, the frame of a video, and the bound on its crops.
    """

    request: Request
    ids: torch.Tensor
    pictures: tuple[tuple[Handle, Picture], ...]
    frames: tuple[tuple[int, ...], ...]

    @property
    def tokens(self) -> int:
        """The prompt's length with its pictures."""
        return len(self.ids)

    @property
    def head(self) -> Head:
        """All up to the end of the last picture, which questions on the same pictures have in common."""
        length = int((self.ids < 0).nonzero().max()) + 1 if self.pictures else 0
        return Head((tuple(handle for handle, _ in self.pictures), tuple(self.ids[:length].tolist())), length)


class Phi3VisionEngine:
    """A loaded model and its tokenizer."""

    def __init__(self, spec: Phi3Vision, model: Any, tokenizer: Tokenizer) -> None:
        self.spec, self.model, self.tokenizer = spec, model, tokenizer
        self.limit = limit_of(model)
        self.ends = tokenizer.ends(model.config.eos_token_id)

    def describe(self) -> Mapping[str, str]:
        """Device and dtype of the weights."""
        return {"device": str(self.model.device), "dtype": str(self.model.dtype).removeprefix("torch.")}

    def prepare(self, request: Request) -> Prompt:
        """Open the media, cut the pictures into crops and encode the text. Raises MediaError or ModelError."""
        import torch

        asked = converse(request, system="", as_frames=True)
        crops = self.spec.num_crops.of(len(asked.images))
        pictures = [picture(image, crops) for image in asked.images]
        ids = self.tokenizer.encode(pieces(asked.turns), [shown.grid.tokens for shown in pictures])
        handles = [(medium, frame, crops) for medium, frame in _sources(request, asked.frames)]
        return Prompt(request, torch.tensor(ids), tuple(zip(handles, pictures, strict=True)), asked.frames)

    def generate(self, batch: Sequence[Prompt]) -> Sequence[Response]:
        """Replies in the order of `batch`, whose requests must ask for the same generation. Raises OutOfMemoryError."""
        asked = {prompt.request.generation for prompt in batch}
        if len(asked) > 1:
            raise ValueError("a batch mixes requests with different generation settings; plan them apart")
        replies: dict[int, Response] = {}
        try:
            for bucket in buckets([p.tokens for p in batch], new=asked.pop().max_new_tokens, limit=self.limit):
                replies |= zip(bucket, self._replies([batch[n] for n in bucket]), strict=True)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(str(error)) from error
            raise
        return [replies[n] for n in range(len(batch))]

    def _replies(self, batch: Sequence[Prompt]) -> list[Response]:
        import torch

        begin = time.perf_counter()
        asked = batch[0].request.generation
        draw = Gumbel(asked, [prompt.request.key for prompt in batch]) if asked.temperature > 0 else None
        stop = StopStrings(asked.stop, self.tokenizer, prompt=0, count=len(batch)) if asked.stop else None
        with torch.inference_mode():
            prompts = self.embed(batch)
            rows = extend(
                self.model,
                prompts,
                new=asked.max_new_tokens,
                ends=self.ends,
                heads=[prompt.head for prompt in batch],
                draw=draw,
                stop=stop,
            )
        stopped = stop.lengths if stop else [None] * len(batch)
        seconds = (time.perf_counter() - begin) / len(batch)
        return [self._response(p, row, s, seconds) for p, row, s in zip(batch, rows, stopped, strict=True)]

    def embed(self, batch: Sequence[Prompt]) -> list[torch.Tensor]:
        """Embeddings [length, hidden size] of each prompt, on the device, its pictures in place.

        A picture that several prompts show is encoded once.
        """
        import torch

        distinct = {handle: shown for prompt in batch for handle, shown in prompt.pictures}
        seen = dict(zip(distinct, see(self.model, list(distinct.values())), strict=True))
        embedded = []
        for prompt in batch:
            ids = prompt.ids.to(self.model.device)
            row = self.model.model.embed_tokens(ids.clamp(min=0))
            if prompt.pictures:
                # Pictures are numbered in prompt order, so their tokens fill the negative places one after the other.
                row[ids < 0] = torch.cat([seen[handle] for handle, _ in prompt.pictures])
            embedded.append(row)
        return embedded

    def _response(self, prompt: Prompt, row: list[int], stopped: int | None, seconds: float) -> Response:
        asked: Generation = prompt.request.generation
        count, ended = reply_length(row, self.ends, stopped)
        return Response(
            key=prompt.request.key,
            text=cut(self.tokenizer.decode(row[:count]), asked.stop),
            finish="stop" if ended else "length",
            tokens=count,
            seconds=seconds,
            usage={"prompt_tokens": prompt.tokens},
            frames=prompt.frames,
        )


def _sources(request: Request, frames: Sequence[Sequence[int]]) -> Iterator[tuple[Media, int]]:
    """The medium of every picture in prompt order, and which frame of it (0 for pictures)."""
    shown = iter(frames)
    for medium in request.media:
        yield from ((medium, frame) for frame in (next(shown) if isinstance(medium, Video) else (0,)))
