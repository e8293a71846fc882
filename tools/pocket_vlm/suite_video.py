"""The mini look-alike of Video-MME: films of three lengths, three questions each, subtitles for some."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from random import Random

import av
import numpy as np
from datasets import Features, Sequence, Value

from tools.pocket_vlm.clips import POOLS, WORDING, Clip, mover, narrated, sequence
from tools.pocket_vlm.draw import render
from tools.pocket_vlm.items import LETTERS, SYNTHETIC, write_parquet
from tools.pocket_vlm.world import COLOR_NAMES, SHAPES

STRING = Value("string")
NAMES = ("video_id", "duration", "domain", "sub_category", "url", "videoID", "question_id", "task_type", "question")
FEATURES = Features({**dict.fromkeys(NAMES, STRING), "options": Sequence(STRING), "answer": STRING})
RATE = 5
SECONDS = {"short": (6, 8, 10), "medium": (20, 24, 28), "long": (54, 60, 66)}
MOVERS, SEQUENCES = 12, 4
TASK_TYPES = {
    "direction": "Action Recognition",
    "moving_color": "Attribute Perception",
    "moving_shape": "Object Recognition",
    "secret": "Information Synopsis",
    "first_shape": "Temporal Perception",
    "last_shape": "Temporal Perception",
    "first_color": "Temporal Reasoning",
}
CUE = '{number}\n{start} --> {end}\n<font color="white" size=".72c">{text}</font>\n'
Asked = tuple[Clip, list[tuple[str, list[str]]]]


def write_videomme(folder: Path, *, rng: Random) -> None:
    """Table, films and subtitles."""
    rows, number = [], 0
    for duration in SECONDS:
        films = [*_mover_films(rng), *_sequence_films(rng)]
        rng.shuffle(films)
        for clip, asked in films:
            number += 1
            key = f"minisyn{number:04d}"
            seconds = rng.choice(SECONDS[duration])
            write_film(folder / "data" / f"{key}.mp4", clip=clip, seconds=seconds)
            if clip.subtitles:
                _write_subtitles(folder / "subtitle" / f"{key}.srt", clip=clip, seconds=seconds)
            for place, (kind, options) in enumerate(asked, start=1):
                rows.append(
                    _row(clip, kind=kind, options=options, key=key, number=number, place=place, duration=duration)
                )
    write_parquet(folder / "videomme" / "test-00000-of-00001.parquet", rows=rows, features=FEATURES)


def _latin(kinds: tuple[str, ...], *, rng: Random) -> tuple[list[dict[str, str]], dict[str, list[str]]]:
    """Facts of four films: options are fixed per kind, and every option is right in exactly one film."""
    options = {kind: rng.sample(POOLS[kind], 4) for kind in kinds}
    orders = {kind: rng.sample(range(4), 4) for kind in kinds}
    films = [{kind: options[kind][orders[kind][film]] for kind in kinds} for film in range(4)]
    return films, options


def _mover_films(rng: Random) -> list[Asked]:
    """Groups of four; the odd groups have subtitles that tell a secret word."""
    films: list[Asked] = []
    for number in range(MOVERS // 4):
        third = "secret" if number % 2 else "moving_shape"
        facts, options = _latin(("direction", "moving_color", third), rng=rng)
        for fact in facts:
            name = fact.get("moving_shape") or rng.choice(SHAPES)
            clip = mover(rng, direction=fact["direction"], color=fact["moving_color"], name=name)
            if "secret" in fact:
                clip = narrated(clip, secret=fact["secret"], rng=rng, lines=rng.randint(2, 4))
            films.append((clip, list(options.items())))
    return films


def _sequence_films(rng: Random) -> list[Asked]:
    """Four films with two still shapes; the options for first and last are the same four shapes."""
    films: list[Asked] = []
    names, colors = rng.sample(SHAPES, 4), rng.sample(COLOR_NAMES, 4)
    turn = rng.randint(1, 3)
    for film in range(SEQUENCES):
        order = [names[film % 4], names[(film + turn) % 4]]
        tints = [colors[(film * 3 + 1) % 4], rng.choice([c for c in COLOR_NAMES if c != colors[(film * 3 + 1) % 4]])]
        clip = sequence(rng, names=order, colors=tints)
        films.append((clip, [("first_shape", names), ("last_shape", names), ("first_color", colors)]))
    return films


def _row(
    clip: Clip, *, kind: str, options: list[str], key: str, number: int, place: int, duration: str
) -> dict[str, object]:
    return {
        "video_id": f"{number:03d}",
        "duration": duration,
        "domain": "Knowledge",
        "sub_category": "Technology",
        "url": f"{SYNTHETIC}: no address",
        "videoID": key,
        "question_id": f"{number:03d}-{place}",
        "task_type": TASK_TYPES[kind],
        "question": WORDING[kind][0],
        "options": [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True)],
        "answer": LETTERS[options.index(clip.facts()[kind])],
    }


def write_film(path: Path, *, clip: Clip, seconds: int) -> None:
    """H.264 in an mp4 file; one thread, no assembler and no metadata, so that equal films are equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = seconds * RATE
    with av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE))
        stream.width = stream.height = 144
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        stream.options = {"crf": "23", "preset": "medium", "threads": "1", "g": "50", "x264-params": "asm=0"}
        for number in range(count):
            picture = np.asarray(render(clip.at(number / (count - 1) * 0.9999)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _write_subtitles(path: Path, *, clip: Clip, seconds: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    length = seconds / len(clip.subtitles)
    cues = [
        CUE.format(number=place + 1, start=_stamp(place * length), end=_stamp((place + 1) * length - 0.04), text=text)
        for place, text in enumerate(clip.subtitles)
    ]
    path.write_text("\n".join(cues), encoding="utf-8")


def _stamp(seconds: float) -> str:
    whole, milli = int(seconds), round((seconds % 1) * 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{milli:03d}"
