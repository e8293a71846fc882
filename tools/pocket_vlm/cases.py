"""The mini suite as plain cases: message parts, gold answer, kind. Reads the files, not the generator."""

from __future__ import annotations

import ast
import base64
import csv
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq
from PIL import Image

from tools.pocket_vlm import prompts
from tools.pocket_vlm.prompts import LETTERS

FRAMES = 16
PLACE = re.compile(r"<image (\d)>")


@dataclass(frozen=True)
class Case:
    """A question ready to ask: `parts` are texts and picture numbers; `options` is empty for open questions."""

    bench: str
    kind: str
    parts: tuple[str | int, ...]
    pictures: tuple[Image.Image, ...]
    options: tuple[str, ...]
    answers: tuple[str, ...]
    chance: float


def all_cases(folder: Path) -> list[Case]:
    """Every question of the suite, rotations of MMBench counted as questions."""
    readers = (pope, textvqa, mmbench, mmmu, blink, videomme)
    return [case for reader in readers for case in reader(folder)]


def pope(folder: Path) -> Iterator[Case]:
    for row in _rows(folder / "mini-pope/data/test-00000-of-00001.parquet"):
        parts = (0, prompts.short(row["question"]))
        yield Case("pope", row["category"], parts, (_picture(row["image"]),), ("yes", "no"), (row["answer"],), 0.5)


def textvqa(folder: Path) -> Iterator[Case]:
    for row in _rows(folder / "mini-textvqa/data/validation-00000-of-00001.parquet"):
        parts = (0, prompts.short(row["question"]))
        yield Case("textvqa", "read", parts, (_picture(row["image"]),), (), tuple(row["answers"]), 0.0)


def mmbench(folder: Path) -> Iterator[Case]:
    csv.field_size_limit(sys.maxsize)
    with (folder / "mini-mmbench/MMBench_DEV_EN.tsv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    pictures = {row["index"]: _decode(base64.b64decode(row["image"])) for row in rows if len(row["image"]) > 64}
    for row in rows:
        options = tuple(row[letter] for letter in LETTERS if row[letter])
        picture = pictures[row["index"] if len(row["image"]) > 64 else row["image"]]
        gold = row[row["answer"]]
        text = prompts.choice(row["question"], options=options, hint=row["hint"])
        yield Case("mmbench", row["category"], (0, text), (picture,), options, (gold,), 1 / len(options))


def mmmu(folder: Path) -> Iterator[Case]:
    for path in sorted((folder / "mini-mmmu").glob("*/*.parquet")):
        for row in _rows(path):
            options = tuple(ast.literal_eval(row["options"]))
            pictures = tuple(_picture(row[f"image_{n}"]) for n in range(1, 8) if row[f"image_{n}"])
            question = row["question"]
            text = prompts.choice(question, options=options) if options else prompts.short(question)
            kind = row["subfield"].split(": ")[1]
            gold = options[LETTERS.index(row["answer"])] if options else row["answer"]
            chance = 1 / len(options) if options else 0.0
            name = kind if options else f"open {kind}"
            yield Case("mmmu", name, tuple(_interleaved(text)), pictures, options, (gold,), chance)


def blink(folder: Path) -> Iterator[Case]:
    for path in sorted((folder / "mini-blink").glob("*/*.parquet")):
        for row in _rows(path):
            pictures = tuple(_picture(row[f"image_{n}"]) for n in range(1, 5) if row[f"image_{n}"])
            options = tuple(row["choices"])
            gold = options[LETTERS.index(row["answer"][1])]
            parts = (*range(len(pictures)), f"{row['prompt']}\n{prompts.LETTER}")
            yield Case("blink", row["sub_task"], parts, pictures, options, (gold,), 1 / len(options))


def videomme(folder: Path) -> Iterator[Case]:
    root = folder / "mini-videomme"
    films: dict[str, tuple[Image.Image, ...]] = {}
    for row in _rows(root / "videomme/test-00000-of-00001.parquet"):
        key = row["videoID"]
        films[key] = films.get(key) or film_frames(root / "data" / f"{key}.mp4")
        options = tuple(option[3:] for option in row["options"])
        gold = options[LETTERS.index(row["answer"])]
        text = prompts.choice(row["question"], options=options)
        yield Case("videomme", row["task_type"], (*range(FRAMES), text), films[key], options, (gold,), 0.25)
        spoken = subtitle_lines(root / "subtitle" / f"{key}.srt")
        if spoken:
            parts = (*range(FRAMES), prompts.with_subtitles(text, lines=spoken))
            yield Case("videomme-subtitles", row["task_type"], parts, films[key], options, (gold,), 0.25)


def film_frames(path: Path) -> tuple[Image.Image, ...]:
    """Sixteen frames in the middle of sixteen equal stretches."""
    with av.open(str(path)) as container:
        every = [frame.to_image() for frame in container.decode(video=0)]
    return tuple(every[int((place + 0.5) * len(every) / FRAMES)] for place in range(FRAMES))


def subtitle_lines(path: Path) -> list[str]:
    """Texts of all cues."""
    if not path.exists():
        return []
    return re.findall(r"<font[^>]*>(.*?)</font>", path.read_text(encoding="utf-8"))


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def _picture(cell: dict[str, Any]) -> Image.Image:
    return _decode(cell["bytes"])


def _decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _interleaved(text: str) -> Iterator[str | int]:
    for place, piece in enumerate(PLACE.split(text)):
        if place % 2:
            yield int(piece) - 1
        elif piece:
            yield piece
