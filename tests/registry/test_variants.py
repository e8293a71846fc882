"""Task files that extend another: they say only what differs, and those of other harnesses ask their golden prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalkit.media.cache import MediaCache
from evalkit.registry import load, yaml12
from evalkit.registry.spec import TaskSpec
from evalkit.run import plan
from evalkit.types import Image, Sample, Text, Video
from tests import TESTS

HERE = TESTS
TASKS = HERE.parent / "tasks"
SUITES = {"lmms-eval": "lmms_eval", "vlmevalkit": "vlmevalkit", "official": "official", "llava": "llava"}
VARIANTS = sorted(file for suite in SUITES for file in (TASKS / suite).glob("*.yaml"))
"""The tasks of other harnesses."""
EXTENDING = sorted(file for file in TASKS.rglob("*.yaml") if "extends" in yaml12.read_document(file).data)


def picture(number: int) -> Image:
    return Image(f"{number}.png", "0" * 64)


def pictures(count: int, of: int) -> dict[str, Any]:
    return {f"image_{n}": picture(n) if n <= count else None for n in range(1, of + 1)}


MMBENCH = {"answer": "B", "category": "c", "l2-category": "l", "L2-category": "l", "image": picture(1)}
VIDEO = {"videoID": "film", "duration": "short", "domain": "d", "sub_category": "s", "task_type": "t", "answer": "B"}
MATHVISTA = {"question_type": "?", "decoded_image": picture(1), "metadata": dict.fromkeys(
    ("language", "source", "category", "task", "context", "grade", "skills"), "m")}  # fmt: skip
ROWS: dict[str, list[dict[str, Any]]] = {
    "mmmu_val": [
        {"id": "lettered", "question": "Is <image 1> older than <image 2>?", "options": "['yes', '<image 3>']",
         "answer": "B", "subset": "Art", **pictures(3, 7)},
        {"id": "open", "question": "Name the ore in <image 1>.", "options": "[]", "answer": "iron", "subset": "Art",
         **pictures(1, 7)},
    ],
    "mmbench_dev_en": [
        {**MMBENCH, "index": 1, "question": "Which is left?", "hint": "Look twice.", "A": "dog", "B": "cat", "C": "",
         "D": ""},
        {**MMBENCH, "index": 2, "question": "Which is right?", "hint": None, "A": "dog", "B": "cat", "C": "owl",
         "D": None},
    ],
    "blink_val": [
        {"idx": "people", "subset": "Art_Style", "question": "Which has the style?", "answer": "(A)",
         "prompt": "Which has the style?\n(A) the second image\n(B) the third image",
         "choices": ["the second image", "the third image"], **pictures(3, 4)},
        {"idx": "things", "subset": "Counting", "question": "How many?", "answer": "(B)",
         "prompt": "How many?\n(A) 0\n(B) 1\n(C) 2\n(D) 3", "choices": ["0", "1", "2", "3"], **pictures(1, 4)},
    ],
    "videomme": [{**VIDEO, "question_id": "1-1", "question": "What rolls?", "options": ["A. A cup.", "B. A ball."]}],
    "textvqa_val": [
        {"question_id": 7, "question": "what does the Sign say?", "answers": ["stop"], "image": picture(1),
         "image_id": "i", "ocr_tokens": ["STOP", "all way"]},
        {"question_id": 8, "question": "what time is it?", "answers": ["noon"], "image": picture(1), "image_id": "i",
         "ocr_tokens": []},
    ],
    "pope": [{"category": "random", "question_id": "3", "question": "Is there a car in the image?", "answer": "no",
              "image": picture(1), "image_source": "i"}],
    "scienceqa_img_test": [
        {"row": 0, "question": "Which is heavier?", "hint": "The scale has settled.", "choices": ["a box", "a ball"],
         "answer": 0, "image": picture(1), "subject": "natural science", "grade": "grade4"},
        {"row": 1, "question": "Which month is it?", "hint": "", "choices": ["May", "June", "July"], "answer": 2,
         "image": picture(1), "subject": "social science", "grade": "grade2"},
    ],
    "mathvista_testmini": [
        {"pid": "1", "query": "Hint: Please name the letter.\nQuestion: Which is larger?\nChoices:\n(A) 45\n(B) 60",
         "question": "Which is larger?", "unit": None, "choices": ["45", "60"], "answer": "60", "answer_type": "text",
         "precision": None, **MATHVISTA},
        {"pid": "2", "query": "Hint: Please give one decimal.\nQuestion: How long is it? (Unit: m)",
         "question": "How long is it?", "unit": "m", "choices": None, "answer": "1.5", "answer_type": "float",
         "precision": 1.0, **MATHVISTA},
    ],
    "intergps_test": [{"id": 2401, "problem": "<image>Find x.", "choices": ["4", "5", "6", "7"], "ground_truth": "B",
                       "images": [picture(1)]}],
    "ai2d_test": [{"row": 0, "question": "What eats D?", "options": ["C", "B", "E", "G"], "answer": "2",
                   "image": picture(1)}],
    "chartqa_test": [{"row": 0, "question": "How many bars are red?", "answer": "14", "type": "human_test",
                      "image": picture(1)}],
}  # fmt: skip
ROWS |= {"videomme_subtitles": ROWS["videomme"], "mmbench_dev_en_circular": ROWS["mmbench_dev_en"]}


def task(path: Path) -> TaskSpec:
    return load.file(TaskSpec, path)


def base(path: Path) -> str:
    return path.stem.removesuffix(f"_{SUITES[path.parent.name]}")


def samples(spec: TaskSpec, rows: list[dict[str, Any]]) -> list[Sample]:
    media_cache = MediaCache(Path("no-such-folder"))
    made = [spec.columns.sample(row, root=Path("data"), media_cache=media_cache) for row in rows]
    lines = {"subtitles": "Once upon a time\nthe end"}
    told = [{**s.extra, **lines} if "subtitles" in s.extra else s.extra for s in made]
    return [msgspec.structs.replace(s, extra=extra) for s, extra in zip(made, told, strict=True)]


def shown(spec: TaskSpec, sample: Sample) -> str:
    (messages,) = spec.adapter.prompts(sample)
    return f"=== {sample.id}\n" + "".join(part_shown(p) for m in messages for p in m.parts) + "<end>\n"


def part_shown(part: Text | Image | Video) -> str:
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Image):
        return f"[picture {part.path[:-4]}]"
    numbers = part.frames.indices(1601)
    return f"[{len(numbers)} frames, {numbers[0]} to {numbers[-1]} of 1601]"


def repeated(base: Any, variant: Any, path: str = "") -> list[str]:
    """The fields in which a variant says what its base says already; a mapping of another kind is written whole."""
    if not isinstance(base, dict) or not isinstance(variant, dict):
        return [path] if base == variant else []
    if "kind" in variant and base.get("kind") != variant["kind"]:
        return []
    return [p for key in base.keys() & variant.keys() for p in repeated(base[key], variant[key], f"{path}.{key}")]


@pytest.mark.parametrize("path", EXTENDING, ids=lambda path: path.stem)
def test_a_variant_says_nothing_that_it_inherits(path: Path) -> None:
    variant = yaml12.read_document(path).data
    assert repeated(yaml12.read_document(load.path(TaskSpec, variant["extends"])).data, variant) == []


def test_suites_of_other_harnesses_are_variants() -> None:
    assert set(VARIANTS) <= set(EXTENDING)


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.stem)
def test_the_prompt_is_the_golden_one(path: Path) -> None:
    spec = task(path)
    text = "".join(shown(spec, sample) for sample in samples(spec, ROWS[base(path)]))
    assert text == (HERE / "golden" / "variants" / f"{path.stem}.txt").read_text(encoding="utf-8")


MATHVISTA_HINTS = {
    ("integer", None): "requiring an integer answer and provide the final value, e.g., 1, 2, 3,",
    (
        "float",
        1.0,
    ): "requiring a floating-point number with one decimal place and provide the final value, e.g., 1.2, 1.3, 1.4,",
    (
        "float",
        2.0,
    ): "requiring a floating-point number with two decimal places and provide the final value, e.g., 1.23, 1.34, 1.45,",
    (
        "list",
        None,
    ): "requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], [1.2, 1.3, 1.4],",
}


@pytest.mark.parametrize(("answer_type", "precision"), MATHVISTA_HINTS)
def test_lmms_eval_hints_by_the_answer_that_mathvista_wants(answer_type: str, precision: float | None) -> None:
    row = {
        "pid": "3",
        "question": "How many?",
        "unit": "years",
        "choices": None,
        "answer": "1",
        "query": "",
        **MATHVISTA,
    }
    row |= {"answer_type": answer_type, "precision": precision}
    spec = task(TASKS / "lmms-eval" / "mathvista_testmini_lmms_eval.yaml")
    hint = f"Hint: Please answer the question {MATHVISTA_HINTS[answer_type, precision]} at the end."
    (sample,) = samples(spec, [row])
    assert shown(spec, sample) == (f"=== 3\n[picture 1]Question: How many? (Unit: years)\n{hint}\nSolution:<end>\n")


LETTER = "Answer with the option's letter from the given choices directly."
VIDEO_SENTENCE = "Respond with only the letter (A, B, C, or D) of the correct option."
BYTES = [
    ("official/mmmu_val_official", 0,
     ["Is ", " older than ", "?\n(A) yes\n(B) ", f"\n{LETTER}"]),
    ("official/mmmu_val_official", 1, ["Name the ore in ", ".\nAnswer the question using a single word or phrase."]),
    ("lmms-eval/mathvista_testmini_lmms_eval", 0,
     ["Question: Which is larger?\nChoices:\n(A) 45\n(B) 60\nHint: Please answer the question and provide the correct "
      "option letter, e.g., A, B, C, D, at the end.\nSolution:"]),
    ("lmms-eval/videomme_lmms_eval", 0,
     ["Select the best answer to the following multiple-choice question based on the video and the subtitles. "
      f"{VIDEO_SENTENCE}\nWhat rolls?\nA. A cup.\nB. A ball.\n\n{LETTER}"]),
    ("vlmevalkit/videomme_vlmevalkit", 0,
     ["\nThese are the frames of a video. Select the best answer to the following multiple-choice question based on "
      f"the video. {VIDEO_SENTENCE}\nQuestion: What rolls?\nA. A cup.\nB. A ball.\nAnswer: "]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "texts"), BYTES)
def test_line_breaks_are_the_peers(name: str, row: int, texts: list[str]) -> None:
    spec = task(TASKS / f"{name}.yaml")
    sample = samples(spec, ROWS[base(TASKS / f"{name}.yaml")])[row]
    (messages,) = spec.adapter.prompts(sample)
    assert [part.text for message in messages for part in message.parts if isinstance(part, Text)] == texts


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.stem)
def test_a_blind_model_is_asked_too(path: Path) -> None:
    spec = task(path)
    found = plan.requests(spec, {}, samples(spec, ROWS[base(path)]), blind=True)
    assert not found.problems
    assert not any(request.media or "<image" in str(request.messages) for request in found.all)


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.stem)
def test_a_variant_is_read_by_the_rule_of_its_source(path: Path) -> None:
    spec = task(path)
    source = "official" if path.parent.name == "llava" else path.parent.name
    if path.stem == "mathvista_testmini_lmms_eval":  # whose rule reads what a language model made of the reply
        source = "none"
    assert spec.adapter.rule == spec.rules.get(source, task(TASKS / f"{base(path)}.yaml").adapter.rule)


def test_every_benchmark_has_the_variants_that_differ() -> None:
    bases = {suite: {base(path) for path in VARIANTS if path.parent.name == suite} for suite in SUITES}
    six = {"mmmu_val", "mmbench_dev_en", "blink_val", "videomme", "textvqa_val", "pope"}
    more = {"scienceqa_img_test", "mathvista_testmini", "ai2d_test", "chartqa_test"}
    assert bases["lmms-eval"] == {*six, *more, "intergps_test"}
    assert bases["vlmevalkit"] == {*six, *more}
    assert bases["official"] >= {"mmmu_val", "mmbench_dev_en_circular", "blink_val", "videomme", "pope"}
    assert bases["official"] >= {"mathvista_testmini"}
    assert bases["llava"] == {"textvqa_val"}


def test_a_capital_makes_the_other_letters_small() -> None:
    spec = task(TASKS / "lmms-eval" / "textvqa_val_lmms_eval.yaml")
    assert samples(spec, ROWS["textvqa_val"])[0].question == "What does the sign say?"


def test_ocr_tokens_are_written_as_llava_writes_them(shared: Path) -> None:
    import gzip
    import json

    spec = task(TASKS / "llava" / "textvqa_val_llava.yaml")
    with gzip.open(shared / "packs/textvqa_val_subset/predictions/llava-v1.5-13b.jsonl.gz", "rt") as file:
        prompts = [json.loads(line)["prompt"] for line in file][:200]
    for prompt in prompts:
        question, tokens, _ = prompt.split("\n")
        listed = tokens.removeprefix("Reference OCR token: ")
        row = {"question_id": 1, "question": question.lower(), "answers": ["x"], "image": picture(1), "image_id": "i"}
        (sample,) = samples(spec, [{**row, "ocr_tokens": [listed] if listed else []}])
        ours = [p.text for p in spec.adapter.prompts(sample)[0][0].parts if isinstance(p, Text)]
        assert ours == [prompt if listed else prompt.replace(f"{tokens}\n", "")]
