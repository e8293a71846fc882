"""Compare the cost of a whole run with a bare loop over `model.generate` on the same model and data, as ratios.

    python benchmarks/throughput.py [--media 24] [--batch 8] [--new 3] [--repeat 3] [--shape pope ...]

Prints one JSON object: for each shape the bare loop's cost over ours, `alone` one prompt at a time, `batched` in
batches of `--batch`; above 1 evalkit is faster. Three numbers are median, least and greatest of `--repeat` turns.
Processor time is what a busy machine leaves unchanged, wall time is what one waits for. `equal`: every reply is the one
of `alone`. `overhead_percent`: the part of a run, from reading the data to writing the scores, outside the model.
`memory`: peak MiB of a run of ours, and of one ten times as large.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.shapes import SHAPES, Row, shown, task, write  # noqa: E402 (the checkout first)
from evalkit.backends.recent_media import RecentMedia  # noqa: E402
from evalkit.backends.transformers import Transformers  # noqa: E402
from evalkit.data.sources import DataPlaces  # noqa: E402
from evalkit.media.cache import MediaCache  # noqa: E402
from evalkit.registry.spec import Batch, ModelSpec  # noqa: E402
from evalkit.results.run import Run  # noqa: E402
from evalkit.run import runner  # noqa: E402
from evalkit.run.outcome import Outcome  # noqa: E402
from evalkit.run.prepare import TaskSettings  # noqa: E402
from evalkit.run.progress import SilentProgress  # noqa: E402
from evalkit.run.session import Session  # noqa: E402
from tests import models  # noqa: E402

SIDE = 112
T = TypeVar("T")


def checkpoint(folder: Path) -> Path:
    """LLaVA with 64 tokens a picture and nineteen million random weights."""
    import torch
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    vision = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 4}
    text = {"hidden_size": 384, "intermediate_size": 1152, "num_hidden_layers": 6, "num_attention_heads": 6}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**vision, image_size=SIDE, patch_size=14),
        text_config=LlamaConfig(**{**models.text_settings(), **text, "num_key_value_heads": 6}),
        image_token_id=models.ID["<image>"],
        image_seq_length=(SIDE // 14) ** 2,
    )
    pictures = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    processor = LlavaProcessor(
        image_processor=pictures,
        tokenizer=models.tokenizer(),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=models.TEMPLATE.replace("IMAGE", " <image> "),
    )
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.copy_(torch.randn_like(weight) * 1.5 / weight[0].numel() ** 0.5)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


class Cost(NamedTuple):
    """Processor seconds over all threads, and wall seconds."""

    cpu: float
    wall: float


def bare(model: Any, processor: Any, rows: Sequence[Row], *, folder: Path, size: int, new: int) -> dict[str, str]:
    """The loop of a model card: open, process, generate, decode."""
    import torch

    replies_by_id: dict[str, str] = {}
    for first in range(0, len(rows), size):
        batch = rows[first : first + size]
        images = [shown(row, folder) for row in batch]
        chats = [
            [{"role": "user", "content": [{"type": "image"}] * len(i) + [{"type": "text", "text": row["question"]}]}]
            for row, i in zip(batch, images, strict=True)
        ]
        prompts = [processor.apply_chat_template(chat, add_generation_prompt=True) for chat in chats]
        inputs = processor(text=prompts, images=images, padding=True, return_tensors="pt")
        with torch.inference_mode():
            out = model.generate(**inputs, max_new_tokens=new, do_sample=False)[:, inputs["input_ids"].shape[1] :]
        replies = processor.batch_decode(out, skip_special_tokens=True)
        replies_by_id |= {row["id"]: reply for row, reply in zip(batch, replies, strict=True)}
    return replies_by_id


def session(model: Path, options: argparse.Namespace) -> Session:
    """Our side with its weights loaded."""
    backend = Transformers(model=str(model), dtype="float32")
    spec = ModelSpec(name="speed", backend=backend, batch=Batch(count=options.batch), workers=options.workers)
    made = Session(spec, device="cpu")
    engine: Any = made.engine()
    engine.processor.tokenizer.padding_side = "left"
    return made


def ours(made: Session, rows: Sequence[Row], folder: Path, new: int) -> tuple[Outcome, Cost]:
    """A whole run with nothing known beforehand: data, plan, replies, scores, files."""
    engine: Any = made.engine()
    made.answers.clear()
    engine.media = RecentMedia()
    for name in ("out", "media"):
        shutil.rmtree(folder / name, ignore_errors=True)
    settings = TaskSettings(out=folder / "out", places=places(folder), progress=SilentProgress())
    return clocked(lambda: runner.run(made, task(rows, new), settings))


def logged_replies(outcome: Outcome, folder: Path) -> dict[str, str]:
    """The reply in the run's log by the id of the row."""
    run = Run.read(outcome.folder, places(folder))
    return {name: run.responses[views[0].key].text for name, views in run.requests.items()}


def places(folder: Path) -> DataPlaces:
    """The places where both sides find the data."""
    return DataPlaces(media_cache=MediaCache(folder / "media"), bundled=folder, folder=folder)


def clocked(work: Callable[[], T]) -> tuple[T, Cost]:
    """The value that `work` returns, and its cost."""
    wall, processor = time.perf_counter(), time.process_time()
    value = work()
    return value, Cost(time.process_time() - processor, time.perf_counter() - wall)


def measure(name: str, made: Session, options: argparse.Namespace) -> dict[str, Any]:
    """One shape, three ways, in turn, `--repeat` times."""
    make, share = SHAPES[name]
    engine: Any = made.engine()
    pictures = engine.processor.image_processor
    alone, batched, least, outside = [], [], [], []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = make(folder, max(2, int(options.media * share)), random.Random(0))
        write(folder, rows)
        loop = {"folder": folder, "new": options.new}
        bare(engine.model, engine.processor, rows[: options.batch], size=options.batch, **loop)  # warm
        for _ in range(options.repeat):
            remembering = pictures.__dict__.pop("preprocess")  # what we remember is ours alone
            truth, cost = clocked(lambda: bare(engine.model, engine.processor, rows, size=1, **loop))
            alone.append(cost)
            other, cost = clocked(lambda: bare(engine.model, engine.processor, rows, size=options.batch, **loop))
            batched.append(cost)
            pictures.preprocess = remembering
            outcome, cost = ours(made, rows, folder, options.new)
            least.append(cost)
            outside.append(100 * (1 - outcome.record.execution.busy / outcome.record.execution.seconds))
        replies = logged_replies(outcome, folder)
    record = outcome.record
    return {
        "rows": len(rows),
        "distinct": record.scoring.counts.unique,
        "equal": replies == truth,
        "batched_equal": other == truth,
        "times_alone": ratios(alone, least),
        "times_batched": ratios(batched, least),
        "seconds": record.execution.seconds,
        "overhead_percent": middle(outside),
    }


def ratios(theirs: Sequence[Cost], own: Sequence[Cost]) -> dict[str, list[float]]:
    """Their cost over ours, turn by turn."""
    turns = [[one / other for one, other in zip(*pair, strict=True)] for pair in zip(theirs, own, strict=True)]
    cpu, wall = zip(*turns, strict=True)
    return {"cpu": middle(cpu), "wall": middle(wall)}


def middle(values: Sequence[float]) -> list[float]:
    """Median, least and greatest."""
    return [round(value, 2) for value in (statistics.median(values), min(values), max(values))]


def memory(model: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of our side on the shape that shares nothing, in processes of their own; Linux only."""
    peaks = []
    for count in (options.media, 10 * options.media):
        command = [sys.executable, __file__, "--peak", str(model), "--media", str(count), "--batch", str(options.batch)]
        peaks.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {"samples": [options.media, 10 * options.media], "peak_mib": peaks, "growth_mib": peaks[1] - peaks[0]}


def peak(options: argparse.Namespace) -> float:
    """The peak memory of this process in MiB, with one token a reply."""
    made = session(options.peak, options)
    with tempfile.TemporaryDirectory() as place:
        rows = SHAPES["blink"][0](Path(place), options.media, random.Random(0))
        write(Path(place), rows)
        ours(made, rows, Path(place), 1)
    # getrusage would tell the parent's peak, which a child inherits.
    status = Path("/proc/self/status").read_text().split()
    return round(int(status[status.index("VmHWM:") + 1]) / 1024, 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--media", type=int, default=24)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--new", type=int, default=3, help="tokens a reply: a letter or a word, and its end")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch

    torch.set_num_threads(options.threads)
    if options.peak:
        print(peak(options))
        return
    with tempfile.TemporaryDirectory() as place:
        model = checkpoint(Path(place) / "model")
        made = session(model, options)
        report = {name: measure(name, made, options) for name in options.shape}
        report |= {} if options.no_memory else {"memory": memory(model, options)}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
