"""Open and preprocess a picture or video once for the questions about it that follow each other; memory is bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from evalkit.media.open import Frames, open_image, sample_video
from evalkit.types import Image, Video

if TYPE_CHECKING:
    import PIL.Image

V = TypeVar("V")

# Planned requests bring questions on the same media side by side, so the last few are all that is asked for again. Two
# videos: at the border between them, one thread is still at the old one.
PICTURES, VIDEOS, TENSORS = 4, 2, 4


class Recent(Generic[V]):
    """The last `keep` results of something costly, each made once even when several threads ask at the same time."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._guard = threading.Lock()
        self._made: OrderedDict[Hashable, tuple[threading.Lock, list[V]]] = OrderedDict()

    def get(self, name: Hashable, make: Callable[[], V]) -> V:
        """The result called `name`. What `make` raises is not kept: the next who asks tries again."""
        with self._guard:
            lock, found = self._made.setdefault(name, (threading.Lock(), []))
            self._made.move_to_end(name)
            if len(self._made) > self._keep:
                self._made.popitem(last=False)
        with lock:
            if not found:
                found.append(make())
            return found[0]


class Shown:
    """Opens media; those it gives are not to be changed, for others see them too."""

    def __init__(self) -> None:
        self._pictures: Recent[PIL.Image.Image] = Recent(keep=PICTURES)
        self._videos: Recent[Frames] = Recent(keep=VIDEOS)

    def picture(self, image: Image) -> PIL.Image.Image:
        """The picture, as `media.open_image` gives it. Raises MediaError."""
        return self._pictures.get(image, lambda: open_image(image))

    def video(self, video: Video) -> Frames:
        """The frames, as `media.sample_video` gives them. Raises MediaError."""
        return self._videos.get(video, lambda: sample_video(video))


def remember_pixels(processor: Any) -> None:
    """Let the processor turn the same picture objects into pixels once, for all prompts that show just these.

    The tensors are shared between prompts, and nothing that follows writes into them.
    """
    pictures = getattr(processor, "image_processor", None)
    if pictures is None or not hasattr(pictures, "preprocess"):
        return
    from transformers import BatchFeature

    bare = pictures.preprocess
    recent: Recent[tuple[Any, Any]] = Recent(keep=TENSORS)

    def preprocess(images: Any, *args: Any, **settings: Any) -> Any:
        name = (tuple(_identities(images)), repr(args), repr(sorted(settings.items(), key=lambda item: item[0])))
        # The pictures are kept beside their pixels, so that no other object can take over their identity meanwhile.
        _, pixels = recent.get(name, lambda: (images, bare(images, *args, **settings)))
        # A copy, since some processors take entries out of what they get.
        return BatchFeature(dict(pixels.items()))

    pictures.preprocess = preprocess


def _identities(images: Any) -> Iterator[object]:
    """Identities of all pictures in nested lists, and where each list ends."""
    if isinstance(images, list | tuple):
        for image in images:
            yield from _identities(image)
        yield "end"
    else:
        yield id(images)
