"""A request as chat templates and processors take it: turns with image placeholders, and the media beside them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.backends.recent_media import RecentMedia
from evalkit.errors import ModelError
from evalkit.media.open import Frames
from evalkit.types import Message, Request, Text, Video

if TYPE_CHECKING:
    import PIL.Image


class Conversation(NamedTuple):
    """A request with its media opened.

    turns: messages in the form of chat templates. images, videos: in the order of their placeholders. frames: the frame
    numbers of each video of the request.
    """

    turns: list[dict[str, Any]]
    images: list[PIL.Image.Image]
    videos: list[Frames]
    frames: tuple[tuple[int, ...], ...]

    def text(self) -> str:
        """The text of all turns, without placeholders."""
        return "\n".join(part["text"] for turn in self.turns for part in turn["content"] if "text" in part)


def read_template(path: str) -> str:
    """The text of the Jinja file `backend.chat_template`. Raises ModelError."""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"backend.chat_template: {path} cannot be read ({type(error).__name__}); name a file"
        ) from error


def open_conversation(
    request: Request, *, system: str, video_as_frames: bool, media: RecentMedia | None = None
) -> Conversation:
    """Open the media of a request and lay out its turns; `system` comes first unless the request has a system turn.

    With `video_as_frames` the frames of a video are images in its place. `media` caches what requests before this one
    opened. Raises MediaError.
    """
    media = media or RecentMedia()
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
                videos.append(media.frames(part))
                content += [{"type": "image"}] * len(videos[-1].images) if video_as_frames else [{"type": "video"}]
                images += videos[-1].images if video_as_frames else []
            else:
                images.append(media.image(part))
                content.append({"type": "image"})
        turns.append({"role": message.role, "content": content})
    return Conversation(turns, images, [] if video_as_frames else videos, tuple(tuple(v.indices) for v in videos))


def control_tokens(processor: Any) -> re.Pattern[str]:
    """A pattern of the tokens that the text of a data set must not spell: special tokens and media placeholders."""
    placeholders = (getattr(processor, f"{kind}_token", None) for kind in ("image", "video", "audio"))
    tokens = {token for token in (*processor.tokenizer.all_special_tokens, *placeholders) if isinstance(token, str)}
    return re.compile("|".join(re.escape(token) for token in sorted(tokens - {""})) or r"(?!)")


def process(processor: Any, conversation: Conversation, control: re.Pattern[str]) -> dict[str, Any]:
    """The tensors [1, ...] that the processor makes of a conversation, on the CPU.

    Text that spells a control token (`control`) is encoded as the characters it is, so a question can neither end its
    turn nor move an image placeholder. Raises ModelError where the installed transformers cannot do that.
    """
    if control.search(conversation.text()):
        return _process_control_text(processor, conversation)
    prompt = processor.apply_chat_template(conversation.turns, add_generation_prompt=True, tokenize=False)
    # A template that writes the first token itself leaves none for the tokenizer to add.
    begin = processor.tokenizer.bos_token
    text = {"padding": False, **({"add_special_tokens": False} if begin and prompt.startswith(begin) else {})}
    return dict(processor(text=[prompt], **_media(conversation), text_kwargs=text, return_tensors="pt"))


def _media(conversation: Conversation) -> dict[str, Any]:
    images = {"images": [conversation.images]} if conversation.images else {}
    if not conversation.videos:
        return images
    import numpy

    # The frames are chosen already; the processor only learns their times, which some families write into the prompt.
    return {
        **images,
        "videos": [numpy.stack([numpy.asarray(image) for image in video.images]) for video in conversation.videos],
        "videos_kwargs": {
            "do_sample_frames": False,
            "video_metadata": [
                {"total_num_frames": max(v.indices) + 1, "fps": v.fps, "frames_indices": list(v.indices)}
                for v in conversation.videos
            ],
        },
    }


def _process_control_text(processor: Any, conversation: Conversation) -> dict[str, Any]:
    known = "sanitize_control_tokens" in inspect.signature(processor.apply_chat_template).parameters
    if not known or conversation.videos:
        raise ModelError(
            "the prompt spells a control token of the model, which the installed transformers cannot encode as "
            "plain text; upgrade transformers, or give videos as frames"
        )
    return dict(
        processor.apply_chat_template(
            conversation.turns,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sanitize_control_tokens=True,
            processor_kwargs={"images": conversation.images} if conversation.images else {},
        )
    )
