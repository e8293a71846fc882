"""Small data sets with exactly the official columns, written as the hub's files are, and little pictures and videos."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

STRIPES = 8
"""A test video shows its frame number in binary, as that many black or white stripes: lossy codecs keep it exactly."""


def png(seed: int = 0, size: tuple[int, int] = (8, 6)) -> bytes:
    """A one-coloured PNG, another for every seed below 2 ** 24."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", size, (seed % 256, seed // 256 % 256, seed // 65536)).save(file, "PNG")
    return file.getvalue()


def picture(seed: int) -> dict[str, Any]:
    """A cell of the hub's Image feature."""
    return {"bytes": png(seed), "path": None}


def parquet(path: Path, rows: Sequence[Mapping[str, Any]], features: Mapping[str, str]) -> Path:
    """Write rows with the `datasets` library; features as the schemas write them (string, image, seq[string], ...)."""
    import datasets

    kinds: dict[str, Any] = {name: _feature(kind) for name, kind in features.items()}
    columns = {name: [row.get(name) for row in rows] for name in features}
    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict(columns, features=datasets.Features(kinds)).to_parquet(path)
    return path


def _feature(kind: str) -> Any:
    import datasets

    if kind.startswith("seq["):
        return datasets.List(_feature(kind[4:-1]))
    if kind.startswith("struct{"):
        parts = dict(part.split(": ") for part in kind[7:-1].split(", "))
        return {name: _feature(part) for name, part in parts.items()}
    return datasets.Image() if kind == "image" else datasets.Value(kind)


# --- the official columns (features) and rows that hold their traps

MMMU = dict.fromkeys(("id", "question", "options", "explanation"), "string")
MMMU |= {f"image_{n}": "image" for n in range(1, 8)}
MMMU |= dict.fromkeys(("img_type", "answer", "topic_difficulty", "question_type", "subfield"), "string")


def mmmu(mirror: Path, *, hub: str = "MMMU/MMMU", subjects: Sequence[str] = ("Accounting", "Chemistry")) -> int:
    """Per subject: a two-picture question whose options are pictures, nine options, several golds, a letter as gold."""
    for first, subject in enumerate(subjects):
        rows = [
            {"question": "See <image 1> and <image 2>, <image 1>.", "options": "['<image 3>', 'None', \"it's\"]",
             "answer": "B", "image_1": picture(1), "image_2": picture(2), "image_3": picture(3),
             "question_type": "multiple-choice"},
            {"question": "Nine? <image 1>", "options": str([str(n) for n in range(9)]), "answer": "I",
             "image_1": picture(4 + first), "question_type": "multiple-choice"},
            {"question": "Formula in <image 1>?", "options": "[]", "answer": "['$MgS$', 'MgS']", "image_1": picture(6),
             "question_type": "open"},
            {"question": "Which <image 1>?", "options": "[]", "answer": "C", "image_1": picture(7),
             "question_type": "open"},
        ]  # fmt: skip
        rows = [{"id": f"validation_{subject}_{n}", **row} for n, row in enumerate(rows, start=1)]
        parquet(mirror / hub / subject / "validation-00000-of-00001.parquet", rows, MMMU)
    return 4 * len(subjects)


BLINK = dict.fromkeys(("idx", "question", "sub_task"), "string")
BLINK |= {f"image_{n}": "image" for n in range(1, 5)}
BLINK |= {"choices": "seq[string]", "answer": "string", "prompt": "string", "explanation": "string"}


def blink(mirror: Path, *, subsets: Sequence[str], hub: str = "BLINK-Benchmark/BLINK") -> int:
    """Per subset: a question with one picture and two options, and one with four and four."""
    for subset in subsets:
        rows = [
            {"idx": f"val_{subset}_{n}", "sub_task": subset, "question": "Which?", "prompt": "Which?\n(A) x\n(B) y",
             "choices": ["x", "y", "z", "w"][: 2 * n], "answer": f"({'AD'[n - 1]})",
             **{f"image_{k}": picture(10 * n + k) for k in range(1, 1 + (1, 4)[n - 1])}}
            for n in (1, 2)
        ]  # fmt: skip
        parquet(mirror / hub / subset / "val-00000-of-00001.parquet", rows, BLINK)
    return 2 * len(subsets)


POPE = dict.fromkeys(("id", "question_id", "question", "answer", "image_source"), "string")
POPE |= {"image": "image", "category": "string"}


def pope(mirror: Path, *, hub: str = "lmms-lab/POPE") -> int:
    """Two questions on one picture in each of three categories, their question ids the same in each."""
    rows = [
        {"id": str(3 * n + k), "question_id": str(n + 1), "question": f"Is there a {thing} in the image?",
         "answer": ("yes", "no")[n], "image_source": "COCO_val2014_000000310196", "image": picture(1),
         "category": category}
        for k, category in enumerate(("adversarial", "popular", "random"))
        for n, thing in enumerate(("snowboard", "car"))
    ]  # fmt: skip
    parquet(mirror / hub / "data" / "test-00000-of-00001.parquet", rows, POPE)
    return len(rows)


TEXTVQA = {"image_id": "string", "question_id": "int32", "question": "string", "question_tokens": "seq[string]"}
TEXTVQA |= {"image": "image", "image_width": "int32", "image_height": "int32", "flickr_original_url": "string"}
TEXTVQA |= {"flickr_300k_url": "string", "answers": "seq[string]", "image_classes": "seq[string]"}
TEXTVQA |= {"set_name": "string", "ocr_tokens": "seq[string]"}


def textvqa(mirror: Path, *, hub: str = "lmms-lab/textvqa") -> int:
    """Three questions with exactly ten answers each, in two shards."""
    rows = [
        {"image_id": f"{n:016x}", "question_id": 34602 + n, "question": "what is the brand of this camera?",
         "answers": ["dakota"] * 6 + ["nous les gosses", "clos culombu", "dakota digital", "None"], "image": picture(n),
         "set_name": "val", "ocr_tokens": ["DAKOTA"]}
        for n in range(3)
    ]  # fmt: skip
    for shard, part in enumerate((rows[:2], rows[2:])):
        parquet(mirror / hub / "data" / f"validation-{shard:05}-of-00002.parquet", part, TEXTVQA)
    return len(rows)


VIDEOMME = dict.fromkeys(("video_id", "duration", "domain", "sub_category", "url", "videoID", "question_id"), "string")
VIDEOMME |= {"task_type": "string", "question": "string", "options": "seq[string]", "answer": "string"}
SRT = """\
1
00:00:00,000 --> 00:00:01,000
<font color="white" size=".72c">Once upon a time</font>

2
00:00:01,500 --> 00:00:02,000
<font color="white" size=".72c">never on a frame</font>

3
00:00:04,000 --> 00:00:06,000
<font color="white" size=".72c">the end</font>
"""


def videomme(mirror: Path, *, hub: str = "lmms-lab/Video-MME") -> int:
    """Three questions on each of three videos: a stored mp4, a compressed .MP4 (both in zips), and one not there."""
    root = mirror / hub
    rows = [
        {"video_id": f"{v:03}", "duration": duration, "domain": "Knowledge", "sub_category": "Law", "url": "https://v",
         "videoID": name, "question_id": f"{v:03}-{q}", "task_type": "Counting Problem", "question": "How many?",
         "options": ["A. One.", "B. Two.", "C. Three.", "D. Four."], "answer": "C"}
        for v, (name, duration) in enumerate((("one", "short"), ("-two", "medium"), ("lost", "long")), start=1)
        for q in (1, 2, 3)
    ]  # fmt: skip
    parquet(root / "videomme" / "test-00000-of-00001.parquet", rows, VIDEOMME)
    film = video(root / "film.mp4", count=60).read_bytes()
    (root / "film.mp4").unlink()
    for name, member, packing in (
        ("videos_chunked_01.zip", "data/one.mp4", zipfile.ZIP_STORED),
        ("videos_chunked_02.zip", "data/-two.MP4", zipfile.ZIP_DEFLATED),
    ):
        with zipfile.ZipFile(root / name, "w", packing) as archive:
            archive.writestr("data/", "")
            archive.writestr(member, film)
    with zipfile.ZipFile(root / "subtitle.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("subtitle/one.srt", SRT)
    return len(rows)


MMBENCH: tuple[str, ...] = ("index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "source")
MMBENCH += ("l2-category", "comment", "split")


def mmbench(path: Path, *, questions: int = 3, empty: str = "", picture_size: int = 0) -> int:
    """The official TSV: question n has 2 + n % 3 options and as many rotations, rotations refer to its picture.

    The first row of the file is a rotation, so that it refers forward. Options "None" and "NA" are options; `empty`
    is written for missing cells. Pictures get `picture_size` random bytes appended.
    """
    texts = ("None", "NA", "left, \t or \"right\"", "last")  # fmt: skip
    rows = []
    for n in range(questions):
        count = 2 + n % 3
        image = base64.b64encode(png(n) + bytes(range(256)) * (picture_size // 256)).decode()
        for turn in range(count):
            options = [texts[(k + turn) % count] for k in range(count)] + [empty] * (4 - count)
            rows.append([
                turn * 1_000_000 + n, f"Line one\nof question {n}?", "a hint" if n == 1 else empty, *options,
                "ABCD"[-turn % count], "object_localization", str(n) if turn else image, "src",
                "finegrained_perception (instance-level)", empty, "dev",
            ])  # fmt: skip
    rows.insert(0, rows.pop(1))
    tsv(path, MMBENCH, rows)
    return len(rows)


def tsv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a TSV as pandas does: quotes only where needed."""
    import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


# --- videos


def video(
    path: Path,
    *,
    count: int,
    options: Mapping[str, str] | None = None,
    codec: str = "libx264",
    gop: int = 12,
    b_frames: int = 2,
    when: Callable[[int], int] = lambda n: n,
    layout: Mapping[str, str] | None = None,
) -> Path:
    """A video of numbered frames (see `number`), ten a second; `when` gives frame n's time in tenths of a second."""
    import av
    import numpy

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=dict(layout or {})) as container:
        stream: Any = container.add_stream(codec, rate=10, options=dict(options or {"preset": "ultrafast"}))
        stream.width, stream.height, stream.pix_fmt = 16 * STRIPES, 32, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = gop, b_frames
        for n in range(count):
            bits = [255 * (n >> bit & 1) for bit in range(STRIPES)]
            pixels = numpy.repeat(numpy.array(bits, numpy.uint8), 16)[None, :, None]
            frame = av.VideoFrame.from_ndarray(numpy.broadcast_to(pixels, (32, 16 * STRIPES, 3)).copy(), format="rgb24")
            frame.pts, frame.time_base = when(n), Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def number(image: Any) -> int:
    """The frame number that a picture of a test video shows."""
    grey = image.convert("L")
    return sum((grey.getpixel((16 * bit + 8, 16)) > 127) << bit for bit in range(STRIPES))
