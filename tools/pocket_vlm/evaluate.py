"""Measure the exported folder on the mini suite: python -m tools.pocket_vlm.evaluate [--controls]

Runs the real thing: AutoProcessor, chat template, left-padded batches, greedy generation in float32. A reply counts
when it equals the right option or answer, whatever its case. Controls: grey pictures, no pictures, pictures of another
question, reversed order of the pictures, red and blue channels exchanged.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, LlavaForConditionalGeneration, LlavaProcessor

from tools.pocket_vlm.cases import Case, all_cases
from tools.pocket_vlm.export import OUT as MODEL
from tools.pocket_vlm.suite import OUT as SUITE

SCORES = Path("tools/pocket_vlm/scores.json")
Scores = dict[str, dict[str, float]]


class Reader:
    """The model folder, asked in batches."""

    def __init__(self, folder: Path) -> None:
        self.model: LlavaForConditionalGeneration = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.float32
        ).eval()
        self.processor: LlavaProcessor = AutoProcessor.from_pretrained(folder)

    def replies(self, cases: Sequence[Case], *, batch: int) -> list[str]:
        """Greedy replies in the order of the cases; cases of similar length share a batch."""
        order = sorted(range(len(cases)), key=lambda n: (len(cases[n].pictures), len(str(cases[n].parts))))
        replies = [""] * len(cases)
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            for place, reply in zip(places, self._ask([cases[n] for n in places]), strict=True):
                replies[place] = reply
        return replies

    @torch.inference_mode()
    def _ask(self, cases: Sequence[Case]) -> list[str]:
        texts = [self._prompt(case) for case in cases]
        pictures = [case.pictures[part] for case in cases for part in case.parts if isinstance(part, int)]
        inputs = self.processor(text=texts, images=pictures or None, padding=True, return_tensors="pt")
        output = self.model.generate(**inputs, max_new_tokens=16, do_sample=False)
        replies: list[str] = self.processor.batch_decode(
            output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
        return replies

    def _prompt(self, case: Case) -> str:
        content = [{"type": "image"} if isinstance(p, int) else {"type": "text", "text": p} for p in case.parts]
        message = {"role": "user", "content": content}
        return str(self.processor.apply_chat_template([message], add_generation_prompt=True, tokenize=False))


def score(case: Case, *, reply: str) -> float:
    """Share of annotators agreeing (three suffice) for ten answers, else right or wrong."""
    text = reply.strip().lower()
    hits = sum(text == answer.lower() for answer in case.answers)
    return min(1.0, hits / 3) if len(case.answers) == 10 else float(hits > 0)


def table(cases: Sequence[Case], *, replies: Sequence[str]) -> Scores:
    """Percentages per benchmark and kind; `valid` is the share of replies that are one of the options."""
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for case, reply in zip(cases, replies, strict=True):
        known = not case.options or reply.strip().lower() in [option.lower() for option in case.options]
        for name in (case.bench, f"{case.bench} / {case.kind}"):
            rows[name].append((score(case, reply=reply), case.chance, float(known)))
    return {
        name: {
            key: round(100 * sum(row[column] for row in values) / len(values), 1)
            for column, key in enumerate(("score", "chance", "valid"))
        }
        | {"questions": len(values)}
        for name, values in sorted(rows.items())
    }


def grey(cases: Sequence[Case]) -> list[Case]:
    """Every picture plain grey."""
    blank = Image.new("RGB", (144, 144), (128, 128, 128))
    return [replace(case, pictures=(blank,) * len(case.pictures)) for case in cases]


def without(cases: Sequence[Case]) -> list[Case]:
    """No pictures at all."""
    return [replace(case, pictures=(), parts=tuple(p for p in case.parts if isinstance(p, str))) for case in cases]


def swapped(cases: Sequence[Case]) -> list[Case]:
    """Pictures of another question of the same benchmark with as many pictures."""
    pools: dict[tuple[str, int], list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        pools[case.bench, len(case.pictures)].append(number)
    result = list(cases)
    for pool in pools.values():
        Random(7).shuffle(pool)
        for giver, taker in zip(pool, pool[1:] + pool[:1], strict=True):
            result[taker] = replace(cases[taker], pictures=cases[giver].pictures)
    return result


def backwards(cases: Sequence[Case]) -> list[Case]:
    """Pictures in reverse order."""
    return [replace(case, pictures=case.pictures[::-1]) for case in cases]


def bgr(cases: Sequence[Case]) -> list[Case]:
    """Red and blue channels exchanged."""
    return [replace(case, pictures=tuple(_bgr(picture) for picture in case.pictures)) for case in cases]


def _bgr(picture: Image.Image) -> Image.Image:
    red, green, blue = picture.split()
    return Image.merge("RGB", (blue, green, red))


CONTROLS: dict[str, Callable[[Sequence[Case]], list[Case]]] = {
    "grey": grey,
    "no pictures": without,
    "swapped": swapped,
    "reversed": backwards,
    "bgr": bgr,
}


def measure(reader: Reader, cases: Sequence[Case], *, controls: bool, batch: int) -> dict[str, Any]:
    """Scores of the suite and of the controls, with the seconds they took."""
    start = time.monotonic()
    replies = reader.replies(cases, batch=batch)
    result: dict[str, Any] = {"seconds": round(time.monotonic() - start, 1), "plain": table(cases, replies=replies)}
    if controls:
        result |= {
            name: table(cases, replies=reader.replies(make(cases), batch=batch)) for name, make in CONTROLS.items()
        }
        sample = cases[:: max(1, len(cases) // 120)]
        alone = reader.replies(sample, batch=1)
        result["batch 1 equals batch 8"] = alone == reader.replies(sample, batch=8)
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--suite", type=Path, default=SUITE)
    parser.add_argument("--out", type=Path, default=SCORES)
    parser.add_argument("--controls", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    result = measure(Reader(args.model), all_cases(args.suite), controls=args.controls, batch=8)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, row in result["plain"].items():
        detail = f"chance {row['chance']:4.1f}, valid {row['valid']:5.1f}, {row['questions']:3d}"
        print(f"{row['score']:6.1f} ({detail})  {name}")


if __name__ == "__main__":
    main()
