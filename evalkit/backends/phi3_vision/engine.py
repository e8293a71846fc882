"""Phi-3.5-vision as an engine: whatever the batch, a reply is the one that its request gets alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from evalkit.backends import shared_prefix
from evalkit.backends.chat import converse
from evalkit.backends.device import is_out_of_memory
from evalkit.backends.engine import Prefix, SharePrefix, sharing_state
from evalkit.backends.media_cache import TENSORS, Recent, Shown
from evalkit.backends.phi3_vision.decoding import Illustrated, Inputs, extend, limit_of, same_factors, together
from evalkit.backends.phi3_vision.network import see
from evalkit.backends.phi3_vision.pixels import Picture, picture
from evalkit.backends.phi3_vision.tokens import PAD, pieces
from evalkit.backends.sampling import Gumbel, StopStrings, cut, reply_length
from evalkit.errors import ModelError, OutOfMemoryError
from evalkit.types import Generation, Media, Request, Response, Video

if TYPE_CHECKING:
    import PIL.Image
    import torch

    from evalkit.backends.phi3_vision.geometry import NumCrops
    from evalkit.backends.phi3_vision.tokens import Tokenizer


Handle: TypeAlias = tuple[Media, int, int]


class Phi3VisionPrompt(NamedTuple):
    """A request on the CPU: `ids` [length] with -n at every position of picture n, and the pictures by their handle.

    A handle is equal for equal pictures: its medium, the frame of a video, and the bound on its crops. `prefix` is the
    part that questions on the same pictures share; None where nothing is to be shared.
    """

    request: Request
    ids: torch.Tensor
    pictures: tuple[tuple[Handle, Picture], ...]
    frames: tuple[tuple[int, ...], ...]
    prefix: Prefix | None = None

    @property
    def tokens(self) -> int:
        """The prompt's length with its pictures."""
        return len(self.ids)


class Phi3VisionEngine:
    """A loaded model and its tokenizer."""

    opens_media = True

    def __init__(self, num_crops: NumCrops, model: Any, tokenizer: Tokenizer) -> None:
        self.num_crops, self.model, self.tokenizer = num_crops, model, tokenizer
        self.limit = limit_of(model)
        self.ends = tokenizer.ends(model.config.eos_token_id)
        self.shown = Shown()
        # By all pictures of a prompt: those of a long video would push each other out one by one.
        self.cut: Recent[list[Picture]] = Recent(keep=TENSORS)
        self.sharing = not self._obstacle()

    def describe(self) -> Mapping[str, str]:
        """Device and dtype of the weights."""
        return {"device": str(self.model.device), "dtype": str(self.model.dtype).removeprefix("torch.")}

    def share_prefixes(self, choice: SharePrefix) -> str:
        """Whether prefills are shared from now on; engines start with `auto`. Raises ModelError where "on" is wrong."""
        said = sharing_state(choice, self._obstacle(choice))
        self.sharing = said == "on"
        return said

    def _obstacle(self, choice: SharePrefix = "auto") -> str:
        config = self.model.config
        return shared_prefix.narrow(config) or (
            shared_prefix.untested(config._attn_implementation) if choice == "auto" else ""
        )

    def prepare(self, request: Request) -> Phi3VisionPrompt:
        """Open the media, cut the pictures into crops and encode the text. Raises MediaError or ModelError."""
        import torch

        asked = converse(request, system="", as_frames=True, shown=self.shown)
        crops = self.num_crops.of(len(asked.images))
        handles = [(medium, frame, crops) for medium, frame in _sources(request, asked.frames)]
        pictures = self.cut.get(tuple(handles), lambda: _cut(asked.images, crops)) if handles else []
        ids = torch.tensor(self.tokenizer.encode(pieces(asked.turns), [shown.grid.tokens for shown in pictures]))
        self._check_room(len(ids) + request.generation.max_new_tokens)
        prefix = self._prefix(request, ids, handles)
        return Phi3VisionPrompt(request, ids, tuple(zip(handles, pictures, strict=True)), asked.frames, prefix)

    def _check_room(self, positions: int) -> None:
        room = self.model.config.max_position_embeddings
        if positions > room:
            raise ModelError(
                f"prompt and reply take {positions} positions, and the model knows {room}; lower backend.num_crops, "
                "the number of frames or generation.max_new_tokens"
            )

    def _prefix(self, request: Request, ids: torch.Tensor, handles: Sequence[Handle]) -> Prefix | None:
        """All up to the end of the last picture; None where it would be read with other rotary factors by itself."""
        if not self.sharing or not handles:
            return None
        length = int((ids < 0).nonzero().max()) + 1
        if not same_factors(len(ids), length, new=request.generation.max_new_tokens, limit=self.limit):
            return None
        return Prefix((tuple(handles), ids[:length].numpy().tobytes()), length)

    def generate(self, batch: Sequence[Phi3VisionPrompt]) -> Sequence[Response]:
        """Replies in the order of `batch`, whose requests must ask for the same generation. Raises OutOfMemoryError."""
        import torch

        if len({prompt.request.generation for prompt in batch}) > 1:
            raise ValueError("a batch mixes requests with different generation settings; plan them apart")
        begin = time.perf_counter()
        try:
            with torch.inference_mode():
                said = self._said(batch)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(str(error)) from error
            raise
        seconds = (time.perf_counter() - begin) / len(batch)
        return [self._response(prompt, *said[n], seconds) for n, prompt in enumerate(batch)]

    def _said(self, batch: Sequence[Phi3VisionPrompt]) -> dict[int, tuple[list[int], int | None]]:
        """By place in the batch: the tokens, and after how many of them a stop string came."""
        model, inputs = self.illustrate(batch)
        prefixes, new = [prompt.prefix for prompt in batch], batch[0].request.generation.max_new_tokens
        said: dict[int, tuple[list[int], int | None]] = {}
        for places in together(inputs, prefixes, new=new, limit=self.limit):
            part = [batch[n].request for n in places]
            rows = self._extended(model, part, [inputs[n] for n in places], [prefixes[n] for n in places])
            said |= zip(places, rows, strict=True)
        return said

    def _extended(
        self, model: Illustrated, asked: Sequence[Request], inputs: Sequence[Inputs], prefixes: Sequence[Prefix | None]
    ) -> Iterator[tuple[list[int], int | None]]:
        how = asked[0].generation
        draw = Gumbel(how, [request.key for request in asked]) if how.temperature > 0 else None
        stop = StopStrings(how.stop, self.tokenizer, prompt=0, count=len(asked)) if how.stop else None
        rows = extend(
            model,
            inputs,
            prefixes=prefixes,
            new=how.max_new_tokens,
            ends=self.ends,
            pad=self.tokenizer.id(PAD),
            draw=draw,
            stop=stop,
        )
        return zip(rows, stop.lengths if stop else [None] * len(rows), strict=True)

    def illustrate(self, batch: Sequence[Phi3VisionPrompt]) -> tuple[Illustrated, list[Inputs]]:
        """The decoder with the pictures of a batch, and the prompts as ids [1, length] on the CPU that point at them.

        A picture that several prompts show is encoded once.
        """
        import torch

        distinct = {handle: shown for prompt in batch for handle, shown in prompt.pictures}
        seen = see(self.model, list(distinct.values()))
        table = torch.cat(seen) if seen else self.model.model.embed_tokens.weight[:0]
        places = dict(
            zip(distinct, torch.split(-1 - torch.arange(len(table)), [len(rows) for rows in seen]), strict=True)
        )
        inputs: list[Inputs] = []
        for prompt in batch:
            ids = prompt.ids.clone()
            if prompt.pictures:
                # Pictures are numbered in prompt order, so their places fill the negative ones one after the other.
                ids[ids < 0] = torch.cat([places[handle] for handle, _ in prompt.pictures])
            inputs.append({"input_ids": ids[None], "attention_mask": torch.ones_like(ids)[None]})
        return Illustrated(self.model, table), inputs

    def _response(self, prompt: Phi3VisionPrompt, row: list[int], stopped: int | None, seconds: float) -> Response:
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
        yield from (
            (shared_prefix.content(medium), frame) for frame in (next(shown) if isinstance(medium, Video) else (0,))
        )


def _cut(images: Sequence[PIL.Image.Image], crops: int) -> list[Picture]:
    return [picture(image, crops) for image in images]
