"""Turn a request into what chat templates and processors take: turns with placeholders, and the media beside them."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.backends.media_cache import Shown
from evalkit.errors import ModelError
from evalkit.media.open import Frames
from evalkit.types import Message, Request, Text, Video

if TYPE_CHECKING:
    import PIL.Image


class Conversation(NamedTuple):
    """A request with its media opened.

    `turns` is what chat templates read; `images` and `videos` follow the order of their placeholders; `frames` holds
    the frame numbers shown of each video.
    """

    turns: list[dict[str, Any]]
    images: list[PIL.Image.Image]
    videos: list[Frames]
    frames: tuple[tuple[int, ...], ...]

    def text(self) -> str:
        """All that is said, without placeholders."""
        return "\n".join(part["text"] for turn in self.turns for part in turn["content"] if "text" in part)


def converse(request: Request, *, system: str, as_frames: bool, shown: Shown | None = None) -> Conversation:
    """Open the request's media and lay out its turns; `system` comes first unless the request has a system turn.

    With `as_frames` a video is its frames, each a picture where the video stood. `shown` remembers what was opened for
    the request before. Raises MediaError.
    """
    shown = shown or Shown()
    messages = request.messages
    if system and messages[0].role != "system":
        messages = (Message("system", (Text(system),)), *messages)
    turns: list[dict[str, Any]] = []
    images: list[PIL.Image.Image] = []
    videos: list[Frames] = []
    for message in messages:
        content: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, Text):
                content.append({"type": "text", "text": part.text})
            elif isinstance(part, Video):
                videos.append(shown.video(part))
                content += [{"type": "image"}] * len(videos[-1].images) if as_frames else [{"type": "video"}]
                images += videos[-1].images if as_frames else []
            else:
                images.append(shown.picture(part))
                content.append({"type": "image"})
        turns.append({"role": message.role, "content": content})
    return Conversation(turns, images, [] if as_frames else videos, tuple(tuple(v.indices) for v in videos))


def control_tokens(processor: Any) -> re.Pattern[str]:
    """What must not be typed by a data set: special tokens and the placeholders of media."""
    placeholders = (getattr(processor, f"{kind}_token", None) for kind in ("image", "video", "audio"))
    tokens = {token for token in (*processor.tokenizer.all_special_tokens, *placeholders) if isinstance(token, str)}
    return re.compile("|".join(re.escape(token) for token in sorted(tokens - {""})) or r"(?!)")


def process(processor: Any, asked: Conversation, control: re.Pattern[str]) -> dict[str, Any]:
    """Tensors [1, ...] of one conversation, on the CPU.

    Text that spells a control token (`control`) is encoded as the characters it is, so a question can neither end its
    turn nor shift the pictures. Raises ModelError where the installed transformers cannot do that.
    """
    if control.search(asked.text()):
        return _process_spelled(processor, asked)
    prompt = processor.apply_chat_template(asked.turns, add_generation_prompt=True, tokenize=False)
    # A template that writes the first token itself leaves none for the tokenizer to add.
    begin = processor.tokenizer.bos_token
    text = {"padding": False, **({"add_special_tokens": False} if begin and prompt.startswith(begin) else {})}
    return dict(processor(text=[prompt], **_media(asked), text_kwargs=text, return_tensors="pt"))


def _media(asked: Conversation) -> dict[str, Any]:
    images = {"images": [asked.images]} if asked.images else {}
    if not asked.videos:
        return images
    import numpy

    # The frames are chosen already; the processor only learns when they were, which some families write out.
    return {
        **images,
        "videos": [numpy.stack([numpy.asarray(image) for image in video.images]) for video in asked.videos],
        "videos_kwargs": {
            "do_sample_frames": False,
            "video_metadata": [
                {"total_num_frames": max(v.indices) + 1, "fps": v.fps, "frames_indices": list(v.indices)}
                for v in asked.videos
            ],
        },
    }


def _process_spelled(processor: Any, asked: Conversation) -> dict[str, Any]:
    known = "sanitize_control_tokens" in inspect.signature(processor.apply_chat_template).parameters
    if not known or asked.videos:
        raise ModelError(
            "the prompt spells a control token of the model, which this transformers cannot encode as plain text; "
            "upgrade transformers, or give videos as frames"
        )
    return dict(
        processor.apply_chat_template(
            asked.turns,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sanitize_control_tokens=True,
            processor_kwargs={"images": asked.images} if asked.images else {},
        )
    )
