"""The mini look-alikes with several pictures per question: MMMU (interleaved) and BLINK."""

from __future__ import annotations

from pathlib import Path
from random import Random

from datasets import Features, Image, Sequence, Value

from tools.pocket_vlm.exam import LEADS, SUBJECTS, topic
from tools.pocket_vlm.items import KINDS, LETTERS, SYNTHETIC, Item, groups, image_cell, write_parquet
from tools.pocket_vlm.kinds import pictures_for, wording

STRING = Value("string")
MMMU_FEATURES = Features(
    {
        **dict.fromkeys(("id", "question", "options", "explanation"), STRING),
        **{f"image_{number}": Image() for number in range(1, 8)},
        **dict.fromkeys(("img_type", "answer", "topic_difficulty", "question_type", "subfield"), STRING),
    }
)
# kind, groups, options per group; 4 questions for each of the 30 subjects
MMMU_PLAN = (("color", 6, 4), ("shape", 5, 4), ("bar", 5, 4), ("where", 4, 4), ("pattern", 2, 4), ("more", 4, 2))
MMMU_IMAGE_OPTIONS = 8
CHOICES_PER_SUBJECT = 4
BLINK_FEATURES = Features(
    {
        **dict.fromkeys(("idx", "question", "sub_task"), STRING),
        **{f"image_{number}": Image() for number in range(1, 5)},
        "choices": Sequence(STRING),
        **dict.fromkeys(("answer", "prompt", "explanation"), STRING),
    }
)
# config: kind, groups, options per group
BLINK_PLAN = {
    "Art_Style": ("style", 8, 2),
    "Counting": ("count", 8, 4),
    "Forensic_Detection": ("odd", 4, 4),
    "Functional_Correspondence": ("match_color", 4, 4),
    "IQ_Test": ("series", 4, 4),
    "Jigsaw": ("piece", 8, 2),
    "Multi-view_Reasoning": ("moved", 5, 4),
    "Object_Localization": ("where", 4, 4),
    "Relative_Depth": ("front", 8, 2),
    "Relative_Reflectance": ("darker", 8, 2),
    "Semantic_Correspondence": ("match_where", 4, 4),
    "Spatial_Relation": ("left_of", 8, 2),
    "Visual_Correspondence": ("more", 18, 2),
    "Visual_Similarity": ("similar", 8, 2),
}


def write_mmmu(folder: Path, *, rng: Random) -> None:
    """Thirty subjects with four choice questions and an open one each."""
    choices = [item for kind, number, count in MMMU_PLAN for item in groups(kind, number=number, count=count, rng=rng)]
    choices += groups("which", number=MMMU_IMAGE_OPTIONS, count=3, rng=rng)
    rng.shuffle(choices)
    for place, subject in enumerate(SUBJECTS):
        part = choices[place * CHOICES_PER_SUBJECT : (place + 1) * CHOICES_PER_SUBJECT]
        rows = [_mmmu_choice(item, subject=subject, number=n, rng=rng) for n, item in enumerate(part, start=1)]
        rows.append(_mmmu_open(subject=subject, kind=("read", "color")[place % 2], number=len(rows) + 1, rng=rng))
        write_parquet(folder / subject / "validation-00000-of-00001.parquet", rows=rows, features=MMMU_FEATURES)


def _mmmu_choice(item: Item, *, subject: str, number: int, rng: Random) -> dict[str, object]:
    if item.kind == "which":
        question, options = item.text, [f"<image {place}>" for place in range(1, len(item.options) + 1)]
    elif item.kind == "more":
        question, options = f"Compare <image 1> and <image 2>. {item.text}", list(item.options)
    else:
        lead = rng.choice(LEADS).format(topic=topic(subject))
        question, options = lead + item.text[0].lower() + item.text[1:], list(item.options)
    return _mmmu_row(item, subject=subject, number=number, question=question, options=options, answer=item.letter)


def _mmmu_open(*, subject: str, kind: str, number: int, rng: Random) -> dict[str, object]:
    family = KINDS[kind]
    args = family.propose(rng, None)
    answer = rng.choice(tuple(family.pool(args)))
    pictures = tuple(pictures_for(family, args=args, answer=answer, rng=rng))
    text = wording(rng.choice(family.texts), args=args)
    item = Item(kind=kind, text=text, options=(), answer=0, pictures=pictures)
    question = rng.choice(LEADS).format(topic=topic(subject)) + text[0].lower() + text[1:]
    return _mmmu_row(item, subject=subject, number=number, question=question, options=[], answer=answer)


def _mmmu_row(
    item: Item, *, subject: str, number: int, question: str, options: list[str], answer: str
) -> dict[str, object]:
    key = f"validation_{subject}_{number}"
    pictures = [*item.pictures, *[None] * (7 - len(item.pictures))]
    return {
        "id": key,
        "question": question,
        "options": str(options),
        "explanation": SYNTHETIC,
        **{f"image_{n}": image_cell(scene, path=f"{key}_{n}.png") for n, scene in enumerate(pictures, start=1)},
        "img_type": "['Diagrams']",
        "answer": answer,
        "topic_difficulty": "Easy",
        "question_type": "multiple-choice" if options else "open",
        "subfield": f"{SYNTHETIC}: {item.kind}",
    }


def write_blink(folder: Path, *, rng: Random) -> None:
    """Fourteen configurations, each with one kind of question."""
    for config, (kind, number, count) in BLINK_PLAN.items():
        items = groups(kind, number=number, count=count, rng=rng)
        rng.shuffle(items)
        rows = [_blink_row(item, config=config, number=place) for place, item in enumerate(items, start=1)]
        write_parquet(folder / config / "val-00000-of-00001.parquet", rows=rows, features=BLINK_FEATURES)


def _blink_row(item: Item, *, config: str, number: int) -> dict[str, object]:
    key = f"val_{config}_{number}"
    pictures = [*item.pictures, *[None] * (4 - len(item.pictures))]
    lines = [f"({letter}) {option}" for letter, option in zip(LETTERS, item.options, strict=False)]
    return {
        "idx": key,
        "question": item.text,
        "sub_task": config,
        **{f"image_{n}": image_cell(scene, path=f"{key}_{n}.png") for n, scene in enumerate(pictures, start=1)},
        "choices": list(item.options),
        "answer": f"({item.letter})",
        "prompt": "\n".join([item.text, "Select from the following choices.", *lines]),
        "explanation": f"{SYNTHETIC}: {item.kind}",
    }
