"""Phi-3.5-vision as an engine: whatever the batch, a reply is the one that its request gets alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from evalkit.backends import shared_prefix
from evalkit.backends.chat import open_conversation
from evalkit.backends.device import is_out_of_memory
from evalkit.backends.engine import Prefix, SharePrefix, sharing_state
from evalkit.backends.phi3_vision.decoding import (
    MultimodalDecoder,
    TokenInputs,
    generate,
    generation_batches,
    same_rope_factors,
    short_rope_limit,
)
from evalkit.backends.phi3_vision.network import image_features
from evalkit.backends.phi3_vision.pixels import ImageCrops, crop_image
from evalkit.backends.phi3_vision.tokens import PAD, chat_layout
from evalkit.backends.recent_media import TENSORS, RecentMedia, RecentResults
from evalkit.backends.sampling import cut_at_stop, reply_length, sampler_of, stop_criteria_of
from evalkit.errors import ModelError, OutOfMemoryError
from evalkit.types import Media, Request, Response, Video

if TYPE_CHECKING:
    import torch

    from evalkit.backends.phi3_vision.geometry import NumCrops
    from evalkit.backends.phi3_vision.tokens import Phi3Tokenizer


ImageId: TypeAlias = tuple[Media, int, int]
"""Medium, frame number (0 for pictures) and bound on crops: equal for images with equal crops."""


class Phi3VisionPrompt(NamedTuple):
    """A request on the CPU: `ids` [length] with -n at every position of image n, and its images in order.

    `prefix` ends with the last image; None where it is not to be shared.
    """

    request: Request
    ids: torch.Tensor
    images: tuple[tuple[ImageId, ImageCrops], ...]
    frames: tuple[tuple[int, ...], ...]
    prefix: Prefix | None = None

    @property
    def tokens(self) -> int:
        """The length of the prompt with its image features."""
        return len(self.ids)


class Phi3VisionEngine:
    """A loaded model and its tokenizer."""

    opens_media = True

    def __init__(self, num_crops: NumCrops, model: Any, tokenizer: Phi3Tokenizer) -> None:
        self.num_crops, self.model, self.tokenizer = num_crops, model, tokenizer
        self.limit = short_rope_limit(model)
        self.ends = tokenizer.ends(model.config.eos_token_id)
        self.media = RecentMedia()
        # One entry for all images of a prompt: those of a long video would push each other out one by one.
        self.crops: RecentResults[list[ImageCrops]] = RecentResults(size=TENSORS)
        self.sharing = not self._obstacle()

    def describe(self) -> Mapping[str, str]:
        """Device and dtype of the weights."""
        return {"device": str(self.model.device), "dtype": str(self.model.dtype).removeprefix("torch.")}

    def share_prefixes(self, choice: SharePrefix) -> str:
        """Share prefixes from now on, or not; return "on" or "off (reason)". A new engine follows `auto`.

        Raises ModelError where "on" would change replies.
        """
        state = sharing_state(choice, self._obstacle(choice))
        self.sharing = state == "on"
        return state

    def _obstacle(self, choice: SharePrefix = "auto") -> str:
        config = self.model.config
        return shared_prefix.partial_attention_reason(config) or (
            shared_prefix.unproven_attention_reason(config._attn_implementation) if choice == "auto" else ""
        )

    def prepare(self, request: Request) -> Phi3VisionPrompt:
        """Open the media, crop the images and encode the text. Raises MediaError or ModelError."""
        import torch

        conversation = open_conversation(request, system="", video_as_frames=True, media=self.media)
        bound = self.num_crops.of(len(conversation.images))
        ids = tuple((medium, frame, bound) for medium, frame in _image_sources(request, conversation.frames))
        crops = self.crops.get(ids, lambda: [crop_image(i, bound) for i in conversation.images]) if ids else []
        lengths = [image.grid.tokens for image in crops]
        tokens = torch.tensor(self.tokenizer.encode(chat_layout(conversation.turns), lengths))
        self._check_length(len(tokens) + request.generation.max_new_tokens)
        prefix = self._prefix(request, tokens, ids)
        return Phi3VisionPrompt(request, tokens, tuple(zip(ids, crops, strict=True)), conversation.frames, prefix)

    def _check_length(self, positions: int) -> None:
        limit = self.model.config.max_position_embeddings
        if positions > limit:
            raise ModelError(
                f"prompt and reply take {positions} positions, and the model knows {limit}; lower backend.num_crops, "
                "the number of frames or generation.max_new_tokens"
            )

    def _prefix(self, request: Request, tokens: torch.Tensor, images: Sequence[ImageId]) -> Prefix | None:
        """The prompt up to its last image; None where it would get other rotary factors by itself."""
        if not self.sharing or not images:
            return None
        length = int((tokens < 0).nonzero().max()) + 1
        if not same_rope_factors(len(tokens), length, new=request.generation.max_new_tokens, limit=self.limit):
            return None
        return Prefix((tuple(images), tokens[:length].numpy().tobytes()), length)

    def generate(self, batch: Sequence[Phi3VisionPrompt]) -> Sequence[Response]:
        """Replies in the order of `batch`, whose requests must have equal generation settings.

        Raises OutOfMemoryError.
        """
        import torch

        if len({prompt.request.generation for prompt in batch}) > 1:
            raise ValueError("a batch mixes requests with different generation settings; plan them apart")
        begin = time.perf_counter()
        try:
            with torch.inference_mode():
                replies = self._replies(batch)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(str(error)) from error
            raise
        seconds = (time.perf_counter() - begin) / len(batch)
        return [self._response(prompt, *replies[n], seconds) for n, prompt in enumerate(batch)]

    def _replies(self, batch: Sequence[Phi3VisionPrompt]) -> dict[int, tuple[list[int], int | None]]:
        """By index in the batch: the generated tokens, and after how many of them a stop string came."""
        decoder, inputs = self.embed_images(batch)
        prefixes, new = [prompt.prefix for prompt in batch], batch[0].request.generation.max_new_tokens
        replies: dict[int, tuple[list[int], int | None]] = {}
        for rows in generation_batches(inputs, prefixes, new=new, limit=self.limit):
            requests = [batch[n].request for n in rows]
            generated = self._generate(decoder, requests, [inputs[n] for n in rows], [prefixes[n] for n in rows])
            replies |= zip(rows, generated, strict=True)
        return replies

    def _generate(
        self,
        decoder: MultimodalDecoder,
        requests: Sequence[Request],
        inputs: Sequence[TokenInputs],
        prefixes: Sequence[Prefix | None],
    ) -> Iterator[tuple[list[int], int | None]]:
        settings = requests[0].generation
        sampler = sampler_of(settings, [request.key for request in requests])
        stop = stop_criteria_of(settings, self.tokenizer, prompt=0, count=len(requests))
        rows = generate(
            decoder,
            inputs,
            prefixes=prefixes,
            max_new_tokens=settings.max_new_tokens,
            ends=self.ends,
            pad=self.tokenizer.id(PAD),
            sampler=sampler,
            stop=stop,
        )
        return zip(rows, stop.lengths if stop else [None] * len(rows), strict=True)

    def embed_images(self, batch: Sequence[Phi3VisionPrompt]) -> tuple[MultimodalDecoder, list[TokenInputs]]:
        """The decoder with the image features of a batch, and the prompts as ids [1, length] that point at them.

        The ids are on the CPU. An image that several prompts have is encoded once.
        """
        import torch

        distinct = {image: crops for prompt in batch for image, crops in prompt.images}
        features = image_features(self.model, list(distinct.values()))
        table = torch.cat(features) if features else self.model.model.embed_tokens.weight[:0]
        pointers = torch.split(-1 - torch.arange(len(table)), [len(rows) for rows in features])
        pointers_of = dict(zip(distinct, pointers, strict=True))
        inputs: list[TokenInputs] = []
        for prompt in batch:
            ids = prompt.ids.clone()
            if prompt.images:
                # Images are numbered in prompt order, so their pointers fill the negative ids one after the other.
                ids[ids < 0] = torch.cat([pointers_of[image] for image, _ in prompt.images])
            inputs.append({"input_ids": ids[None], "attention_mask": torch.ones_like(ids)[None]})
        return MultimodalDecoder(self.model, table), inputs

    def _response(self, prompt: Phi3VisionPrompt, row: list[int], stopped: int | None, seconds: float) -> Response:
        count, ended = reply_length(row, self.ends, stopped)
        return Response(
            key=prompt.request.key,
            text=cut_at_stop(self.tokenizer.decode(row[:count]), prompt.request.generation.stop),
            finish="stop" if ended else "length",
            tokens=count,
            seconds=seconds,
            usage={"prompt_tokens": prompt.tokens},
            frames=prompt.frames,
        )


def _image_sources(request: Request, frames: Sequence[Sequence[int]]) -> Iterator[tuple[Media, int]]:
    """The medium of every image in prompt order, and its frame number (0 for pictures)."""
    videos = iter(frames)
    for medium in request.media:
        numbers = next(videos) if isinstance(medium, Video) else (0,)
        yield from ((shared_prefix.without_path(medium), number) for number in numbers)
