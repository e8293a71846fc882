"""Time the scoring of recorded replies: whole `evalkit score` runs, and rules against a plain loop, as JSON.

Usage: EVALKIT_SHARED=../shared python benchmarks/scoring.py [--repeat 3]

Per pack: wall and CPU seconds of the whole command, replies per second of wall time. Per rule: replies per CPU second
of the rule alone, and its time relative to a loop that does only what the score needs, written out by hand. Of each
repeated measurement the fastest counts, since a busy machine only ever adds time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evalkit.adapters import ShortAnswer, YesNo  # noqa: E402 (the checkout, not an installed copy)
from evalkit.rules.normalize import normalize_vqa  # noqa: E402
from evalkit.rules.pope import PopeRule  # noqa: E402
from evalkit.rules.textvqa import TextvqaRule  # noqa: E402
from evalkit.types import Sample  # noqa: E402


def rows(path: Path) -> list[dict[str, Any]]:
    """All objects of a gzip-compressed JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def fastest(run: Callable[[], object], repeat: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of `repeat` calls."""
    times = []
    for _ in range(repeat):
        started = clock()
        run()
        times.append(clock() - started)
    return min(times)


def whole(pack: Path, model: Path, repeat: int) -> dict[str, Any]:
    """`evalkit score` on one predictions file, in a process of its own."""
    task = ROOT / "tests" / "conformance" / f"{pack.name}.yaml"
    command = [sys.executable, "-m", "evalkit", "score", "--task", str(task), "--predictions", str(model), "--json"]
    command += ["--annotations", str(pack / "annotations.jsonl.gz")]
    answer: dict[str, Any] = {}
    processor: list[float] = []

    def run() -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        answer.update(json.loads(done.stdout))

    wall = fastest(run, repeat)
    return {
        "model": model.name.partition(".jsonl")[0],
        "replies": answer["n"],
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(min(processor), 3),
        "replies_per_second": round(answer["n"] / wall),
    }


def pope(packs: Path, repeat: int) -> dict[str, Any]:
    """The adapter's scores of POPE against splitting words by hand."""
    replies = {row["id"]: row["prediction"] for row in rows(packs / "pope/predictions/llava-v1.5-13b.jsonl.gz")}
    golds = [(f"{r['category']}/{r['question_id']}", r["label"]) for r in rows(packs / "pope/annotations.jsonl.gz")]
    samples = [Sample(id=name, question="", answers=(gold,)) for name, gold in golds]
    adapter = YesNo(rule=PopeRule())

    def ours() -> float:
        return sum(adapter.score(sample, [replies[sample.id]]).value for sample in samples)

    def loop() -> float:
        right = 0
        for name, gold in golds:
            words = replies[name].split(".")[0].replace(",", "").split(" ")
            right += (("No" in words or "not" in words or "no" in words) and "no") == gold or (
                gold == "yes" and not ("No" in words or "not" in words or "no" in words)
            )
        return right

    return compared("pope", ours, loop, len(samples), repeat)


def textvqa(packs: Path, repeat: int) -> dict[str, Any]:
    """TextVQA's rule on 5,000 replies with ten synthetic golds each, against normalising each text where it is met."""
    replies = [row["prediction"] for row in rows(packs / "textvqa_val_subset/predictions/llava-v1.5-13b.jsonl.gz")]
    golds = [[reply] * (n % 11) + ["something else"] * (10 - n % 11) for n, reply in enumerate(replies)]
    samples = [Sample(id=str(n), question="", answers=tuple(gold)) for n, gold in enumerate(golds)]
    adapter = ShortAnswer(rule=TextvqaRule())

    def ours() -> float:
        return sum(adapter.score(sample, [reply]).value for sample, reply in zip(samples, replies, strict=True))

    def loop() -> float:
        return sum(by_hand(reply, gold) for reply, gold in zip(replies, golds, strict=True))

    return compared("textvqa", ours, loop, len(samples), repeat)


def by_hand(reply: str, golds: Sequence[str]) -> float:
    """VQA accuracy as its definition reads: leave each annotator out in turn."""
    answer = normalize_vqa(reply)
    plain = [normalize_vqa(gold) for gold in golds]
    return sum(min(1.0, sum(g == answer for g in plain[:n] + plain[n + 1 :]) / 3) for n in range(10)) / 10


def compared(
    name: str, ours: Callable[[], float], loop: Callable[[], float], count: int, repeat: int
) -> dict[str, Any]:
    """Both timed, after a check that they give the same sum."""
    assert abs(ours() - loop()) < 1e-6, (ours(), loop())
    mine, theirs = (fastest(run, repeat, time.process_time) for run in (ours, loop))
    return {
        "rule": name,
        "replies": count,
        "replies_per_second": round(count / mine),
        "cpu_seconds": round(mine, 4),
        "loop_cpu_seconds": round(theirs, 4),
        "ratio_to_loop": round(mine / theirs, 2),
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description="Speed of scoring recorded replies.")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement, of which the fastest counts")
    options = parser.parse_args()
    packs = Path(os.environ.get("EVALKIT_SHARED", ROOT.parent / "shared")) / "packs"
    runs = []
    for task in sorted((ROOT / "tests" / "conformance").glob("*.yaml")):
        for model in sorted((packs / task.stem / "predictions").glob("*.jsonl.gz"))[:1]:
            runs.append({"pack": task.stem, **whole(packs / task.stem, model, options.repeat)})
    rules = [pope(packs, options.repeat), textvqa(packs, options.repeat)]
    total = {f"all_packs_{kind}": round(sum(run[kind] for run in runs), 2) for kind in ("wall_seconds", "cpu_seconds")}
    print(json.dumps({"rules": rules, "runs": runs, **total}, indent=1))


if __name__ == "__main__":
    main()
