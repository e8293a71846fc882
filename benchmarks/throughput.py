"""What a whole run costs against a bare loop over `model.generate`, same model, same data, same process, as ratios.

    python benchmarks/throughput.py [--media 24] [--batch 8] [--new 3] [--shape pope ...] [--no-memory]

Prints one JSON object: for each shape the bare loop's cost over ours, `alone` one prompt at a time, `batched` in
batches of `--batch`; above 1 evalkit is faster. Processor time is what a busy machine leaves unchanged, wall time is
what one waits for. `equal`: every reply is the one of `alone`. `overhead_percent`: the part of a run, from reading the
data to writing the scores, outside the model. `memory`: peak MiB of a run of ours, and of one ten times as large.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.shapes import FRAMES, SHAPES, Row  # noqa: E402 (the checkout first)
from evalkit import runner, store  # noqa: E402
from evalkit.backends.transformers import Transformers  # noqa: E402
from evalkit.execute.progress import Progress  # noqa: E402
from evalkit.library import Library  # noqa: E402
from evalkit.media import sample_video  # noqa: E402
from evalkit.sources import Places  # noqa: E402
from evalkit.spec import Batch, ModelSpec, TaskSpec  # noqa: E402
from evalkit.types import Midpoints, Video  # noqa: E402
from tests import models  # noqa: E402

SIDE = 112


# --- the model


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


# --- both sides


def bare(model: Any, processor: Any, rows: Sequence[Row], *, folder: Path, size: int, new: int) -> dict[str, str]:
    """The loop of a model card: open, process, generate, decode."""
    import torch

    said: dict[str, str] = {}
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
        said |= {row["id"]: reply for row, reply in zip(batch, replies, strict=True)}
    return said


def shown(row: Row, folder: Path) -> list[Any]:
    """The pictures of a row, opened."""
    if "video" in row:
        return sample_video(Video(str(folder / row["video"]), "d", Midpoints(FRAMES))).images
    return [Image.open(folder / name).convert("RGB") for name in row["images"]]


def task(rows: Sequence[Row], new: int) -> TaskSpec:
    """The data as a task."""
    media: Row = {"images": "images"}
    if "video" in rows[0]:
        media = {"video": {"path": ["{video}"], "frames": {"kind": "midpoints", "count": FRAMES}}}
    raw = {
        "name": "speed",
        "title": {"en": "speed"},
        "samples": len(rows),
        "source": {"kind": "jsonl", "path": "data.jsonl"},
        "columns": {"id": "id", "question": "question", "answer": "answer", **media},
        "adapter": {"kind": "short_answer", "prompt": "{question}"},
        "generation": {"max_new_tokens": new},
        "metrics": {"accuracy": {"kind": "accuracy"}},
        "headline": "accuracy",
    }
    return msgspec.convert(raw, TaskSpec)


def write(folder: Path, rows: Iterable[Row]) -> None:
    """data.jsonl, as the task reads it."""
    (folder / "data.jsonl").write_text("".join(json.dumps({**row, "answer": "yes"}) + "\n" for row in rows))


def session(model: Path, options: argparse.Namespace) -> runner.Session:
    """Our side with its weights loaded."""
    backend = Transformers(model=str(model), dtype="float32")
    spec = ModelSpec(name="speed", backend=backend, batch=Batch(count=options.batch), workers=options.workers)
    made = runner.Session(spec, device="cpu")
    made.engine()
    return made


def ours(made: runner.Session, rows: Sequence[Row], folder: Path, new: int) -> tuple[runner.Outcome, dict[str, str]]:
    """A whole run: data, plan, replies, scores, files."""
    spec = task(rows, new)
    with tempfile.TemporaryDirectory() as out:
        settings = runner.Settings(
            out=Path(out),
            places=Places(library=Library(folder / "media"), bundled=folder, folder=folder),
            progress=Progress(quiet=True),
        )
        outcome = runner.run(made, spec, settings)
        log = store.read(outcome.folder)
        planned = runner.plan.requests(spec, made.identity, runner.dataset.load(spec, settings.places).samples)
        said = {name: log.responses[views[0].key].text for name, views in planned.requests.items()}
    return outcome, said


def clocked(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` gives, its processor seconds over all threads, and its wall seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    return found, time.process_time() - processor, time.perf_counter() - wall


def measure(name: str, made: runner.Session, options: argparse.Namespace) -> dict[str, Any]:
    """One shape, three ways."""
    make, share = SHAPES[name]
    engine: Any = made.engine()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = make(folder, max(2, int(options.media * share)), random.Random(0))
        write(folder, rows)
        loop = {"folder": folder, "new": options.new}
        bare(engine.model, engine.processor, rows[: options.batch], size=options.batch, **loop)  # warm
        restore = engine.processor.image_processor.__dict__.pop("preprocess")  # what we remember is ours alone
        alone, *costs = clocked(lambda: bare(engine.model, engine.processor, rows, size=1, **loop))
        batched, *more = clocked(lambda: bare(engine.model, engine.processor, rows, size=options.batch, **loop))
        engine.processor.image_processor.preprocess = restore
        (outcome, said), *least = clocked(lambda: ours(made, rows, folder, options.new))
    record = outcome.record
    least[1] = record.seconds
    return {
        "rows": len(rows),
        "distinct": record.counts.unique,
        "equal": said == alone,
        "batched_equal": batched == alone,
        "times_alone": {"cpu": round(costs[0] / least[0], 2), "wall": round(costs[1] / least[1], 2)},
        "times_batched": {"cpu": round(more[0] / least[0], 2), "wall": round(more[1] / least[1], 2)},
        "seconds": record.seconds,
        "busy_percent": record.busy_percent,
        "overhead_percent": round(100 * (1 - record.busy / record.seconds), 1),
        "share_prefix": record.share_prefix,
    }


def memory(model: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of our side on the shape that shares nothing, in processes of their own; Linux only."""
    peaks = []
    for count in (options.media, 10 * options.media):
        command = [sys.executable, __file__, "--peak", str(model), "--media", str(count), "--batch", str(options.batch)]
        peaks.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {"samples": [options.media, 10 * options.media], "peak_mib": peaks, "growth_mib": peaks[1] - peaks[0]}


def peak(options: argparse.Namespace) -> float:
    """MiB at most, in this process."""
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
        made.engine().processor.tokenizer.padding_side = "left"
        found: dict[str, Any] = {name: measure(name, made, options) for name in options.shape}
        if not options.no_memory:
            found["memory"] = memory(model, options)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
