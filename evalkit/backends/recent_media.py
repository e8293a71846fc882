"""Open and preprocess an image or video once for the requests about it that follow each other; memory is bounded."""

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

# Planned requests bring questions on the same media side by side, so few entries are enough. Two videos: where one
# follows the other, a thread may still be at the one before.
IMAGES, VIDEOS, TENSORS = 4, 2, 4


class RecentResults(Generic[V]):
    """A cache of the last `size` results; each is computed once even when several threads ask at the same time."""

    def __init__(self, *, size: int) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._results: OrderedDict[Hashable, tuple[threading.Lock, list[V]]] = OrderedDict()

    def get(self, key: Hashable, compute: Callable[[], V]) -> V:
        """The result of `compute` under `key`. An exception is not cached: the next call computes again."""
        with self._guard:
            lock, result = self._results.setdefault(key, (threading.Lock(), []))
            self._results.move_to_end(key)
            if len(self._results) > self._size:
                self._results.popitem(last=False)
        with lock:
            if not result:
                result.append(compute())
            return result[0]


class RecentMedia:
    """Opens media and caches the last ones. Callers must not change what they get: others get the same objects."""

    def __init__(self) -> None:
        self._images: RecentResults[PIL.Image.Image] = RecentResults(size=IMAGES)
        self._videos: RecentResults[Frames] = RecentResults(size=VIDEOS)

    def image(self, image: Image) -> PIL.Image.Image:
        """The result of `open_image`. Raises MediaError."""
        return self._images.get(image, lambda: open_image(image))

    def frames(self, video: Video) -> Frames:
        """The result of `sample_video`. Raises MediaError."""
        return self._videos.get(video, lambda: sample_video(video))


def cache_pixels(processor: Any) -> None:
    """Let the image processor of `processor` preprocess the same image objects once for all prompts with just these.

    The tensors are shared between prompts, and nothing that follows writes into them.
    """
    from transformers import BatchFeature
    from transformers.image_processing_utils import BaseImageProcessor

    image_processor = getattr(processor, "image_processor", None)
    # Every image processor of transformers has this base, whose `__call__` goes through `preprocess`.
    if not isinstance(image_processor, BaseImageProcessor):
        return
    uncached = image_processor.preprocess
    recent: RecentResults[tuple[Any, Any]] = RecentResults(size=TENSORS)

    def preprocess(images: Any, *args: Any, **settings: Any) -> Any:
        key = (tuple(_identities(images)), repr(args), repr(sorted(settings.items(), key=lambda item: item[0])))
        # The images are cached beside their pixels, so that no other object can take over their identity meanwhile.
        _, pixels = recent.get(key, lambda: (images, uncached(images, *args, **settings)))
        # A copy, since some processors take entries out of what they get.
        return BatchFeature(dict(pixels.items()))

    image_processor.preprocess = preprocess


def _identities(images: Any) -> Iterator[object]:
    """The `id` of every image in nested lists, with a mark at the end of each list."""
    if isinstance(images, list | tuple):
        for image in images:
            yield from _identities(image)
        yield "end"
    else:
        yield id(images)
