"""Small data sets with exactly the official columns, of the benchmarks beside the six in `datasets`."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from tests.datasets import parquet, picture, png

SCIENCEQA = {"image": "image", "question": "string", "choices": "seq[string]", "answer": "int8"}
SCIENCEQA |= dict.fromkeys(("hint", "task", "grade", "subject", "topic", "category", "skill", "lecture"), "string")
SCIENCEQA |= {"solution": "string"}


def scienceqa(mirror: Path, *, hub: str = "lmms-lab/ScienceQA") -> int:
    """A question with a hint and two options, and one without a hint and with five."""
    rows = [
        {"image": picture(1), "question": "Which is heavier?", "choices": ["this", "that"], "answer": 0,
         "hint": "The scale has settled.", "grade": "grade4", "subject": "natural science"},
        {"image": picture(2), "question": "Which month?", "choices": list("vwxyz"), "answer": 4, "hint": "",
         "grade": "grade12", "subject": "social science"},
    ]  # fmt: skip
    parquet(mirror / hub / "ScienceQA-IMG" / "test-00000-of-00001.parquet", rows, SCIENCEQA)
    return len(rows)


MATHVISTA = {"pid": "string", "question": "string", "image": "string", "decoded_image": "image"}
MATHVISTA |= {"choices": "seq[string]", "unit": "string", "precision": "float64", "answer": "string"}
MATHVISTA |= {"question_type": "string", "answer_type": "string"}
MATHVISTA |= {
    "metadata": "struct{category: string, context: string, grade: string, img_height: int64, img_width: int64, "
    "language: string, skills: seq[string], source: string, split: string, task: string}",
    "query": "string",
}
METADATA = {"category": "math-targeted-vqa", "context": "geometry diagram", "img_height": 6, "img_width": 8}
METADATA |= {"language": "english", "split": "testmini", "grade": "high school"}


def mathvista(mirror: Path, *, hub: str = "AI4Math/MathVista") -> int:
    """One question of each answer type; the last one needs three skills."""
    kinds: list[dict[str, Any]] = [
        {"choices": ["45", "60"], "answer": "60", "question_type": "multi_choice", "answer_type": "text",
         "query": "Hint: Give the letter.\nQuestion: Which angle?\nChoices:\n(A) 45\n(B) 60"},
        {"answer": "1000", "unit": "g", "answer_type": "integer", "query": "Question: How much? (Unit: g)"},
        {"answer": "1.2", "precision": 1.0, "answer_type": "float", "query": "Question: How long?"},
        {"answer": "[2014, 2016]", "answer_type": "list", "query": "Question: Which years?"},
    ]  # fmt: skip
    skills = ["algebraic reasoning", "arithmetic reasoning", "geometry reasoning"]
    rows = [
        {"pid": str(n), "question": "?", "image": f"images/{n}.jpg", "decoded_image": picture(n),
         "question_type": "free_form", **kind,
         "metadata": {**METADATA, "skills": skills if n == len(kinds) else skills[:1], "source": "Geometry3K",
                      "task": "geometry problem solving"}}
        for n, kind in enumerate(kinds, start=1)
    ]  # fmt: skip
    parquet(mirror / hub / "data" / "testmini-00000-of-00001-725687bf7a18d64b.parquet", rows, MATHVISTA)
    return len(rows)


GEOMETRY3K = {"images": "seq[image]", "problem": "string", "answer": "string", "id": "int64"}
GEOMETRY3K |= {"choices": "seq[string]", "ground_truth": "string"}


def geometry3k(mirror: Path, *, hub: str = "hiyouga/geometry3k") -> int:
    """Two problems whose answer is a text and whose gold letter stands apart."""
    rows = [
        {"images": [picture(n)], "problem": f"<image>Find $m \\angle {n}$.", "answer": "60", "id": 2401 + n,
         "choices": ["45", "60", "75", "90"], "ground_truth": "B"}
        for n in (1, 2)
    ]  # fmt: skip
    parquet(mirror / hub / "data" / "test-00000-of-00001.parquet", rows, GEOMETRY3K)
    return len(rows)


PROBLEM = {"problem_text": "Find x.", "choices": ["1", "2", "3", "4"], "answer": "C", "annot_id": 7, "source": "s"}
PROBLEM |= {"problem_type_graph": ["Circle", "Triangle"], "problem_type_goal": ["Length"]}


def geometry3k_files(prefix: str = "") -> dict[str, bytes]:
    """The authors' files of problems 2401 to 2410 by path, the last one without its pictures; and what a Mac adds."""
    files: dict[str, bytes] = {f"__MACOSX/{prefix}test/2401/data.json": b"\x00"}
    for number in (2410, *range(2401, 2410)):
        folder = f"{prefix}test/{number}"
        files[f"{folder}/data.json"] = json.dumps({**PROBLEM, "id": number}).encode()
        for n, name in enumerate(("img_diagram", "img_diagram_point", "img_problem") if number < 2410 else ()):
            files[f"{folder}/{name}.png"] = png(3 * number + n)
    return files


def geometry3k_folder(folder: Path) -> int:
    """The problems unpacked."""
    files = geometry3k_files()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return 10


def geometry3k_zip(folder: Path, *, prefix: str = "") -> int:
    """The problems in test.zip."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "test.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in geometry3k_files(prefix).items():
            archive.writestr(name, data)
    return 10


AI2D = {"question": "string", "options": "seq[string]", "answer": "string", "image": "image"}


def ai2d(mirror: Path, *, hub: str = "lmms-lab/ai2d") -> int:
    """Two questions on one diagram; the options of the second are letters that are no option's letter."""
    rows = [
        {"question": "What do animals eat?", "options": ["grass", "stones", "air", "light"], "answer": "0",
         "image": picture(1)},
        {"question": "Which label is the root?", "options": ["E", "A", "G", "B"], "answer": "2", "image": picture(1)},
    ]  # fmt: skip
    parquet(mirror / hub / "data" / "test-00000-of-00001.parquet", rows, AI2D)
    return len(rows)


CHARTQA = {"type": "string", "question": "string", "answer": "string", "image": "image"}


def chartqa(mirror: Path, *, hub: str = "lmms-lab/ChartQA") -> int:
    """A question of each half on the same chart, one with a list as its answer."""
    rows = [
        {"type": "human_test", "question": "Which years?", "answer": "[2014, 2016]", "image": picture(1)},
        {"type": "augmented_test", "question": "What share?", "answer": "57%", "image": picture(1)},
    ]
    parquet(mirror / hub / "data" / "test-00000-of-00001.parquet", rows, CHARTQA)
    return len(rows)
