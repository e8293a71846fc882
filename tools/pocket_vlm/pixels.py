"""Rendered pictures as the model sees them in training: resized like the processor does, then slightly disturbed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from tools.pocket_vlm.model import IMAGE_SIZE


def fingerprint(image: Image.Image) -> str:
    """A short hash of the full-size pixels, to prove that training never saw a picture of the suite."""
    return hashlib.blake2b(image.tobytes(), digest_size=12).hexdigest()


def to_array(image: Image.Image) -> np.ndarray:
    """The picture at model size, as the image processor resizes it (bicubic), uint8."""
    return np.asarray(image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC))


def to_tensor(arrays: Sequence[np.ndarray], *, rng: np.random.Generator, noise: float = 4.0) -> torch.Tensor:
    """A batch in [-1, 1] with Gaussian noise and a small change of brightness for robustness to video coding."""
    batch = np.stack(arrays).astype(np.float32)
    batch *= rng.uniform(0.94, 1.06, size=(len(arrays), 1, 1, 1)).astype(np.float32)
    batch += rng.standard_normal(batch.shape, dtype=np.float32) * noise * rng.random()
    batch = np.clip(batch, 0, 255) / 127.5 - 1
    return torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous()
