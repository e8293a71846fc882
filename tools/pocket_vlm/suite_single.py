"""The mini look-alikes with one picture per question: POPE, TextVQA and MMBench."""

from __future__ import annotations

import base64
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from datasets import Features, Image, Sequence, Value

from tools.pocket_vlm import scenes
from tools.pocket_vlm.items import LETTERS, SYNTHETIC, Item, groups, image_cell, png, write_parquet
from tools.pocket_vlm.kinds import wording
from tools.pocket_vlm.single import ARTICLE
from tools.pocket_vlm.world import COLOR_NAMES, DRAWN_WORDS, SHAPES, Scene

STRING = Value("string")
POPE_PICTURES = 24
POPE_FEATURES = Features(
    {
        **dict.fromkeys(("id", "question_id", "question", "answer", "image_source"), STRING),
        "image": Image(),
        "category": STRING,
    }
)
TEXTVQA_QUESTIONS = 96
TEXTVQA_FEATURES = Features(
    {
        "image_id": STRING,
        "question_id": Value("int32"),
        "question": STRING,
        "question_tokens": Sequence(STRING),
        "image": Image(),
        "image_width": Value("int32"),
        "image_height": Value("int32"),
        "flickr_original_url": STRING,
        "flickr_300k_url": STRING,
        "answers": Sequence(STRING),
        "image_classes": Sequence(STRING),
        "set_name": STRING,
        "ocr_tokens": Sequence(STRING),
    }
)
READ_TEXTS = ("what word is written in the picture?", "what does the sign say?", "which word is shown?")
# kind, leaf category, l2-category, groups, options per group
MMBENCH_PLAN = (
    ("color", "attribute_recognition", "finegrained_perception (instance-level)", 7, 4),
    ("color", "attribute_recognition", "finegrained_perception (instance-level)", 4, 3),
    ("color", "attribute_recognition", "finegrained_perception (instance-level)", 2, 2),
    ("shape", "identity_reasoning", "attribute_reasoning", 6, 4),
    ("where", "object_localization", "finegrained_perception (instance-level)", 5, 4),
    ("left_of", "spatial_relationship", "finegrained_perception (cross-instance)", 5, 2),
    ("above", "spatial_relationship", "finegrained_perception (cross-instance)", 5, 2),
    ("read", "ocr", "finegrained_perception (instance-level)", 5, 4),
    ("bar", "structuralized_imagetext_understanding", "logic_reasoning", 5, 4),
    ("pattern", "image_style", "coarse_perception", 4, 4),
    ("present", "image_topic", "coarse_perception", 4, 4),
)
MMBENCH_COLUMNS = ("index", "question", "hint", *LETTERS, "answer", "category", "image", "source", "l2-category")
MMBENCH_COLUMNS = (*MMBENCH_COLUMNS, "comment", "split")
HINTS = ("The picture is a simple drawing.", "Look at the shapes in the picture.", "The drawing was made by a program.")


def write_pope(folder: Path, *, rng: Random) -> None:
    """Three categories that share the yes questions of a picture and differ in the kind of absent object."""
    pictures = [_pope_scene(rng) for _ in range(POPE_PICTURES)]
    seen = Counter((shape.color, shape.name) for scene in pictures for shape in scene.shapes)
    yes = [rng.sample([(shape.color, shape.name) for shape in scene.shapes], 3) for scene in pictures]
    rows: list[dict[str, object]] = []
    for category in ("adversarial", "popular", "random"):
        number = 0
        for place, scene in enumerate(pictures):
            no = _absent(scene, category=category, seen=seen, rng=rng)
            cell = image_cell(scene, path=f"SYNTHETIC_mini_{place + 1:012d}.png")
            for pair, answer in _alternating(yes[place], no):
                number += 1
                rows.append(
                    {
                        "id": str(len(rows)),
                        "question_id": str(number),
                        "question": wording(ARTICLE, args=pair),
                        "answer": answer,
                        "image_source": f"SYNTHETIC_mini_{place + 1:012d}",
                        "image": cell,
                        "category": category,
                    }
                )
    write_parquet(folder / "data" / "test-00000-of-00001.parquet", rows=rows, features=POPE_FEATURES)


def _alternating(yes: list[tuple[str, str]], no: list[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], str]]:
    for present, absent in zip(yes, no, strict=True):
        yield present, "yes"
        yield absent, "no"


def _pope_scene(rng: Random) -> Scene:
    """Three to five shapes, often from a few popular pairs."""
    while True:
        scene = scenes.objects(rng, low=3, high=5)
        popular = sum(
            (s.name, s.color) in (("circle", "red"), ("star", "yellow"), ("square", "blue")) for s in scene.shapes
        )
        if popular or rng.random() < 0.3:
            return scene


def _absent(scene: Scene, *, category: str, seen: Counter[tuple[str, str]], rng: Random) -> list[tuple[str, str]]:
    """Three objects that are not there: any, the most frequent ones, or near misses of what is there."""
    present = {(shape.color, shape.name) for shape in scene.shapes}
    absent = [(color, name) for color in COLOR_NAMES for name in SHAPES if (color, name) not in present]
    if category == "random":
        return rng.sample(absent, 3)
    if category == "popular":
        rng.shuffle(absent)
        return sorted(absent, key=lambda pair: -seen[pair])[:3]
    colors, names = {color for color, _ in present}, {name for _, name in present}
    near = [pair for pair in absent if pair[0] in colors and pair[1] in names]
    half = [pair for pair in absent if pair[1] in names and pair not in near]
    return rng.sample(near, min(3, len(near))) + rng.sample(half, 3 - min(3, len(near)))


def write_textvqa(folder: Path, *, rng: Random) -> None:
    """A word in a picture, ten answers, a few of them careless."""
    rows = []
    for place, word in enumerate(rng.sample(DRAWN_WORDS, TEXTVQA_QUESTIONS)):
        scene = scenes.sign(rng, text=word)
        question = rng.choice(READ_TEXTS)
        rows.append(
            {
                "image_id": f"synthetic-mini-{place:04d}",
                "question_id": 90000 + place,
                "question": question,
                "question_tokens": question.rstrip("?").split(),
                "image": image_cell(scene, path=f"synthetic-mini-{place:04d}.png"),
                "image_width": 144,
                "image_height": 144,
                "flickr_original_url": SYNTHETIC,
                "flickr_300k_url": SYNTHETIC,
                "answers": _ten_answers(word, rng=rng),
                "image_classes": ["Poster"],
                "set_name": "val",
                "ocr_tokens": [word.upper()],
            }
        )
    write_parquet(folder / "data" / "validation-00000-of-00001.parquet", rows=rows, features=TEXTVQA_FEATURES)


def _ten_answers(word: str, *, rng: Random) -> list[str]:
    answers = [word] * 10
    for place in rng.sample(range(10), rng.choice((0, 0, 0, 1, 1, 2))):
        answers[place] = rng.choice((word.upper(), word + "s", word[:-1], "unanswerable", f"the word {word}"))
    return answers


def write_mmbench(folder: Path, *, rng: Random) -> None:
    """The TSV of the image-reference edition: one row per rotation, the picture only on the base row."""
    base = [
        (item, category, upper)
        for kind, category, upper, number, count in MMBENCH_PLAN
        for item in groups(kind, number=number, count=count, rng=rng)
    ]
    rng.shuffle(base)
    hints = {item.text: (rng.choice(HINTS) if rng.random() < 0.25 else "") for item, _, _ in base}
    rows = [
        _mmbench_row(item, index=index, turn=turn, hint=hints[item.text], category=category, upper=upper)
        for index, (item, category, upper) in enumerate(base)
        for turn in range(len(item.options))
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "MMBench_DEV_EN.tsv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=MMBENCH_COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["index"]))


def _mmbench_row(item: Item, *, index: int, turn: int, hint: str, category: str, upper: str) -> dict[str, object]:
    count = len(item.options)
    options = [item.options[(place + turn) % count] for place in range(count)]
    image = str(index) if turn else base64.b64encode(png(item.pictures[0])).decode()
    return {
        "index": turn * 1_000_000 + index,
        "question": item.text,
        "hint": hint,
        **dict(zip(LETTERS, options, strict=False)),
        "answer": LETTERS[(item.answer - turn) % count],
        "category": category,
        "image": image,
        "source": f"{SYNTHETIC}: {item.kind}",
        "l2-category": upper,
        "comment": "",
        "split": "dev",
    }
