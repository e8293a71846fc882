"""Four shapes of benchmark data as small files: a maker gets a folder, a number of media and a generator of numbers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy
from PIL import Image

from evalkit.media.open import sample_video
from evalkit.registry.spec import TaskSpec
from evalkit.types import Midpoints, Video

Row = dict[str, Any]
FRAMES = 16


def pope(folder: Path, count: int, draw: random.Random) -> list[Row]:
    """18 questions a picture, of which 10.25 are distinct: 9,000 rows, 5,127 distinct."""
    rows = []
    for n in range(count):
        picture(folder / f"{n}.png", n)
        distinct = [f"Is this w{draw.randrange(180)} ?" + " w1" * k for k in range(11 if n % 4 == 0 else 10)]
        questions = distinct + draw.choices(distinct, k=18 - len(distinct))
        rows += [{"id": f"{n}-{k}", "images": [f"{n}.png"], "question": text} for k, text in enumerate(questions)]
    return rows


def videomme(folder: Path, count: int, draw: random.Random) -> list[Row]:
    """Three questions with four options on 16 frames of a video."""
    rows = []
    for n in range(count):
        film(folder / f"{n}.mp4", n)
        rows += [{"id": f"{n}-{k}", "video": f"{n}.mp4", "question": options(draw, 30)} for k in range(3)]
    return rows


def mmbench(folder: Path, count: int, draw: random.Random) -> list[Row]:
    """Four rotations of a question's options, on one picture."""
    rows = []
    for n in range(count):
        picture(folder / f"{n}.png", n)
        question, texts = words(draw, 12), [words(draw, 3) for _ in range(4)]
        for k in range(4):
            choices = " ".join(f"{letter} {text}" for letter, text in zip("ABCD", texts[k:] + texts[:k], strict=True))
            rows.append({"id": f"{n}-{k}", "images": [f"{n}.png"], "question": f"{question} ? {choices}"})
    return rows


def blink(folder: Path, count: int, draw: random.Random) -> list[Row]:
    """One question on two pictures; nothing is shared."""
    for n in range(2 * count):
        picture(folder / f"{n}.png", n)
    return [
        {"id": str(n), "images": [f"{2 * n}.png", f"{2 * n + 1}.png"], "question": options(draw, 25)}
        for n in range(count)
    ]


SHAPES: dict[str, tuple[Callable[[Path, int, random.Random], list[Row]], float]] = {
    # and how many media stand for one of --media, so that shapes take about as long
    "pope": (pope, 0.5),
    "videomme": (videomme, 0.25),
    "mmbench_circular": (mmbench, 1),
    "blink": (blink, 1),
}


def task(rows: Sequence[Row], new: int) -> TaskSpec:
    """The data as a task."""
    media: Row = {"images": "images"}
    if "video" in rows[0]:
        media = {"video": {"path": ["{video}"], "frames": {"kind": "midpoints", "count": FRAMES}}}
    raw = {
        "name": "speed",
        "title": {"en": "speed"},
        "samples": len(rows),
        "source": {"kind": "jsonl", "path": "data.jsonl"},
        "columns": {"id": "id", "question": "question", "answer": "answer", **media},
        "adapter": {"kind": "short_answer", "prompt": "{question}"},
        "generation": {"max_new_tokens": new},
        "metrics": {"accuracy": {"kind": "accuracy"}},
        "headline": "accuracy",
    }
    return msgspec.convert(raw, TaskSpec)


def shown(row: Row, folder: Path) -> list[Any]:
    """The pictures of a row, opened."""
    if "video" in row:
        return sample_video(Video(str(folder / row["video"]), "d", Midpoints(FRAMES))).images
    return [Image.open(folder / name).convert("RGB") for name in row["images"]]


def write(folder: Path, rows: Iterable[Row]) -> None:
    """data.jsonl, as the task reads it."""
    (folder / "data.jsonl").write_text("".join(json.dumps({**row, "answer": "yes"}) + "\n" for row in rows))


def words(draw: random.Random, count: int) -> str:
    """Words that the tokenizer knows."""
    return " ".join(f"w{draw.randrange(180)}" for _ in range(count))


def options(draw: random.Random, count: int) -> str:
    """A question with four options."""
    return f"{words(draw, count)} ? A {words(draw, 2)} B {words(draw, 2)} C {words(draw, 2)} D {words(draw, 2)}"


def picture(path: Path, seed: int) -> None:
    """Smooth noise of 640 x 480, as a photograph compresses."""
    noise = numpy.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=numpy.uint8)
    Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC).save(path.with_suffix(".png"), compress_level=1)


def film(path: Path, seed: int) -> None:
    """Sixty-four frames of 320 x 240."""
    import av

    draw = numpy.random.default_rng(seed)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(64):
            pixels = numpy.kron(draw.integers(0, 256, (6, 8, 3), dtype=numpy.uint8), numpy.ones((40, 40, 1), "uint8"))
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode())
