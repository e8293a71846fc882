"""Start-up and per-sample overhead against the least that any harness must do, as ratios on one machine in one run.

    python benchmarks/startup.py [--repeats 3] [--samples 300 100]

Prints one JSON object. `start`: `evalkit --help` and `evalkit list tasks` against a bare interpreter. For each picture
size: time to the first answer, time per sample after it, and time per sample outside `generate`, ours against a bare
loop of processor and `model.generate` over the same files (below 1: evalkit is faster). Medians over paired runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
from PIL import Image

QUESTION = "What color is the circle?\nAnswer the question using a single word or phrase."
TASK = """\
name: speed
title: {{en: speed}}
samples: {count}
source: {{kind: jsonl, path: data.jsonl}}
columns: {{id: id, question: question, answer: answer, images: image}}
adapter: {{kind: short_answer, prompt: "{{question}}"}}
generation: {{max_new_tokens: 16}}
metrics: {{accuracy: {{kind: accuracy}}}}
headline: accuracy
"""
BARE = """
import json, sys, time
start = float(sys.argv[1])
from pathlib import Path
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
folder, model_folder = Path(sys.argv[2]), sys.argv[3]
processor = AutoProcessor.from_pretrained(model_folder)
model = AutoModelForImageTextToText.from_pretrained(model_folder, dtype=torch.float32).eval()
ends, inside = [], 0.0
for line in (folder / "data.jsonl").read_text().splitlines():
    row = json.loads(line)
    picture = Image.open(folder / row["image"]).convert("RGB")
    chat = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": row["question"]}]}]
    text = processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    inputs = processor(text=[text], images=[picture], return_tensors="pt")
    before = time.time()
    with torch.inference_mode():
        tokens = model.generate(**inputs, do_sample=False, max_new_tokens=16)
    inside += time.time() - before
    processor.batch_decode(tokens[:, inputs["input_ids"].shape[1]:], skip_special_tokens=True)
    ends.append(time.time())
print(json.dumps({"first": ends[0] - start, "each": (ends[-1] - ends[0]) / (len(ends) - 1),
                  "outside": (ends[-1] - ends[0] - inside * (len(ends) - 1) / len(ends)) / (len(ends) - 1)}))
"""
OURS = """
import json, sys, time
start = float(sys.argv[1])
from evalkit import cli
from evalkit.backends import transformers as backend
ends, inside = [], 0.0
plain = backend.TransformersEngine.generate
def timed(self, batch):
    global inside
    before = time.time()
    replies = plain(self, batch)
    inside += time.time() - before
    ends.append(time.time())
    return replies
backend.TransformersEngine.generate = timed
folder, model = sys.argv[2], sys.argv[3]
out = sys.argv[4]
code = cli.main(["run", "--task", folder + "/speed.yaml", "--model", model, "--out", out, "--batch", "1", "--quiet"])
print(json.dumps({"first": ends[0] - start, "each": (ends[-1] - ends[0]) / (len(ends) - 1),
                  "outside": (ends[-1] - ends[0] - inside * (len(ends) - 1) / len(ends)) / (len(ends) - 1)}))
raise SystemExit(code)
"""


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--samples", type=int, nargs=2, default=(300, 100), metavar=("SMALL", "LARGE"))
    arguments.add_argument("--model", default="pocket-vlm")
    options = arguments.parse_args()
    report: dict[str, object] = {"start": start_ratios(options.repeats)}
    for size, count in zip((336, 1344), options.samples, strict=True):
        report[f"{size}px"] = picture_ratios(size, count, repeats=options.repeats, model=options.model)
    print(json.dumps(report, indent=1))


def start_ratios(repeats: int) -> dict[str, float]:
    """Wall time of light commands over that of `python -c pass`."""
    commands = {
        "bare": ["-c", "pass"],
        "help": ["-m", "evalkit", "--help"],
        "list_tasks": ["-m", "evalkit", "list", "tasks"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(max(5, repeats)):
        for name, command in commands.items():
            before = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            times[name].append(time.perf_counter() - before)
    bare = statistics.median(times["bare"])
    return {name: round(statistics.median(values) / bare, 2) for name, values in times.items() if name != "bare"}


def picture_ratios(size: int, count: int, *, repeats: int, model: str) -> dict[str, float]:
    """Ours over bare for `count` pictures of `size` pixels, as medians of paired ratios."""
    import evalkit

    checkpoint = Path(evalkit.__file__).parent / "assets" / model
    pairs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_data(folder, size, count)
        for repeat in range(repeats):
            bare = measure(BARE, folder, str(checkpoint))
            ours = measure(OURS, folder, model, str(folder / f"results{repeat}"))
            pairs.append((ours, bare))
    ratios = {key: statistics.median(o[key] / b[key] for o, b in pairs) for key in ("first", "each", "outside")}
    return {f"{key}_ratio": round(value, 3) for key, value in ratios.items()} | {
        f"{who}_{key}_ms": round(1000 * statistics.median(p[i][key] for p in pairs), 2)
        for i, who in enumerate(("ours", "bare"))
        for key in ("first", "each", "outside")
    }


def make_data(folder: Path, size: int, count: int) -> None:
    """JPEG files of smooth noise, which compress like photographs, and the task over them."""
    random = numpy.random.default_rng(size)
    rows = []
    for i in range(count):
        coarse = random.integers(0, 256, (size // 8, size // 8, 3), dtype=numpy.uint8)
        picture = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
        picture.save(folder / f"{i}.jpg", quality=90)
        rows.append({"id": str(i), "question": QUESTION, "answer": "red", "image": f"{i}.jpg"})
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "speed.yaml").write_text(TASK.format(count=count))


def measure(script: str, *arguments: object) -> dict[str, float]:
    """Run one side in a fresh process; seconds to the first answer count from before the process starts."""
    command = [sys.executable, "-c", script, str(time.time()), *map(str, arguments)]
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
