"""Print the replies of the bundled model and of the reference pack's tiny Phi-3.5-vision on a device, as JSON.

PYTHONPATH=tests/npu NPU_LIBRARY=libnpu.so python -m tests.npu.replies npu:0 SCRATCH [PACK]
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from evalkit.backends.device import choose
from evalkit.backends.engine import Engine
from evalkit.cli import entry
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.types import Generation, Image, Message, Request, Text

QUESTIONS = [  # question, shown pictures, generation
    ("What color is the square?\nAnswer with one word.", (0,), Generation(max_new_tokens=8)),
    ("Is there a circle in the image?\nPlease answer yes or no.", (0,), Generation(max_new_tokens=8)),
    ("Which image is darker?\nA. the first\nB. the second", (0, 1), Generation(max_new_tokens=8)),
    ("What is shown?", (1,), Generation(max_new_tokens=8, temperature=0.7)),
    ("Describe the image.", (1,), Generation(max_new_tokens=8, stop=(" ",))),
    ("What is two plus two?", (), Generation(max_new_tokens=8)),
]
CASES = ["one_image_crops4", "text_only", "interleaved_two_images", "rope_crossing_generate"]


def pocket(device: str, scratch: Path) -> dict[str, Any]:
    """Replies of pocket-vlm: each request alone, then those of equal generation as one batch."""
    requests = list(_requests(scratch))
    engine: Engine[Any] = load.model("pocket-vlm").backend.load(device=device)
    shared = engine.share_prefixes("auto")
    prepared = [engine.prepare(request) for request in requests]
    alone = [engine.generate([prompt])[0].text for prompt in prepared]
    greedy = [p for p, r in zip(prepared, requests, strict=True) if r.generation == QUESTIONS[0][2]]
    batch = [reply.text for reply in engine.generate(greedy)]
    return {"facts": dict(engine.describe()), "shared": shared, "alone": alone, "batch": batch}


def phi3v(device: str, pack: Path) -> dict[str, Any]:
    """Greedy tokens of the pack's cases, beside the reference's."""
    import torch
    from safetensors.torch import load_file

    from evalkit.backends.phi3_vision.decoding import generate
    from evalkit.backends.phi3_vision.engine import Phi3VisionPrompt
    from evalkit.backends.phi3_vision.pixels import crop_image
    from evalkit.backends.phi3_vision.spec import Phi3Vision
    from evalkit.backends.phi3_vision.tokens import PAD

    engine: Any = Phi3Vision(model=str(pack / "tiny"), dtype="float32").load(device=device)
    cases, outputs = json.loads((pack / "cases.json").read_text()), load_file(pack / "reference_outputs.safetensors")
    found: dict[str, Any] = {"facts": dict(engine.describe())}
    asked = Request(key="", sample_id="", view=0, messages=(), generation=Generation(max_new_tokens=1))
    for name in CASES:
        case, ids = cases[name], outputs[f"{name}.input_ids"].long()
        made = [(tuple(size), crop_image(_formula(*size), case["num_crops"])) for size in case["images"]]
        with torch.inference_mode():
            decoder, prompts = engine.embed_images([Phi3VisionPrompt(asked, ids, tuple(made), ())])
            expected = outputs[f"{name}.greedy"].tolist()
            (tokens,) = generate(decoder, prompts, max_new_tokens=len(expected), ends={2}, pad=engine.tokenizer.id(PAD))
        found[name] = {"device": str(decoder.features.device), "tokens": tokens, "reference": expected}
    return found


def _requests(scratch: Path) -> Any:
    pictures = []
    for n in range(2):
        path = scratch / f"picture{n}.png"
        _formula(96, 64, n + 1).save(path)
        pictures.append(Image(str(path), f"digest {n}"))
    for n, (question, shown, generation) in enumerate(QUESTIONS):
        message = Message("user", (*(pictures[i] for i in shown), Text(question)))
        yield Request(key=f"key {n}", sample_id=str(n), view=0, messages=(message,), generation=generation)


def _formula(width: int, height: int, k: int = 1) -> Any:
    """The pictures of the reference pack, by the formula that its README states."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    channels = [(x * (3 + k) + y * (5 + 2 * k) + (x * y) // (7 + k) + 53 * c + 31 * k) % 256 for c in range(3)]
    block = (((x * 8) // max(width, 1)) + ((y * 8) // max(height, 1)) * 3 + k) % 5
    planes = [((channel // 2) + block * (20 + 5 * i)) % 256 for i, channel in enumerate(channels)]
    return Pillow.fromarray(np.stack(planes, -1).astype(np.uint8))


def refusals(device: str) -> dict[str, str]:
    """The device's errors for a tensor on the CPU, for one of another index, and for being read without a copy."""
    import torch

    here, other = torch.ones(2, device=device), torch.ones(2, device="npu:0" if device == "npu:1" else "npu:1")
    mistakes: dict[str, Callable[[], object]] = {
        "cpu": lambda: torch.cat([here, torch.ones(2)]),
        "index": lambda: here + other,
        "embedding": lambda: torch.nn.functional.embedding(torch.tensor([0]), here[None]),
        "numpy": here.numpy,
        "absent": lambda: choose("npu:5"),
    }
    said = {}
    for name, mistake in mistakes.items():
        try:
            mistake()
        except (RuntimeError, TypeError, EvalkitError) as error:
            said[name] = str(error)
    return said


def main(device: str, scratch: Path, pack: Path | None) -> None:
    """Everything on one device, in one process."""
    from accelerate import PartialState

    found = {"chosen": str(PartialState().device), "refused": refusals(device), "pocket": pocket(device, scratch)}
    if pack:
        found["phi3v"] = phi3v(device, pack)
    doctor = io.StringIO()
    with contextlib.redirect_stdout(doctor):
        entry.main(["doctor"])
    print(json.dumps({**found, "doctor": doctor.getvalue()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else None)
