"""Train pocket-vlm: python -m tools.pocket_vlm.train --work runs/pocket [--minutes 75] [--resume]

Two stages: the vision tower learns to name what is under every patch (vision.py), then everything learns to answer
questions (lessons.py). Training follows wall time, because the budget is wall time on two cores; it writes a
checkpoint every few minutes and can be stopped and resumed.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from tools.pocket_vlm import scenes
from tools.pocket_vlm.attention import additive, use_plain_attention
from tools.pocket_vlm.lessons import Teacher
from tools.pocket_vlm.model import build
from tools.pocket_vlm.optim import optimizers, rate_at, set_rate, update
from tools.pocket_vlm.packing import IGNORE, Batch, Example, collate, pack
from tools.pocket_vlm.pixels import to_tensor
from tools.pocket_vlm.suite import suite_fingerprints
from tools.pocket_vlm.tally import Outcome, Tally
from tools.pocket_vlm.tokenizer import IMAGE, build_tokenizer
from tools.pocket_vlm.vision import DenseHeads, dense_batch, pretrain

TRAIN_SEED = 10_000_000
SAVE_EVERY = 180.0
STILLS, FILMS, DRILL = 16, 4, 48
DRILLS = (scenes.sign, scenes.letters)
DENSE_SHARE = 0.5


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """The untrained model for this tokenizer."""
    ids = {"eos": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id, "bos": tokenizer.bos_token_id}
    image = tokenizer.convert_tokens_to_ids(IMAGE)
    model = build(vocab_size=len(tokenizer), image=image, seed=TRAIN_SEED, **ids)
    use_plain_attention(model)
    return model


def answer_logits(
    model: LlavaForConditionalGeneration, batch: Batch, *, noise: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Logits at the answer positions, what should follow there, and the features of the pictures."""
    patches = None
    embeddings = model.get_input_embeddings()(batch.ids)
    if batch.pictures:
        tower, projector = model.model.vision_tower, model.model.multi_modal_projector
        pixels = to_tensor(batch.pictures, rng=noise)
        patches = tower(pixel_values=pixels, output_hidden_states=True).hidden_states[-1]
        features = projector(patches)
        places = (batch.ids == model.config.image_token_id).unsqueeze(-1)
        embeddings = embeddings.masked_scatter(places, features.to(embeddings.dtype))
    hidden = model.model.language_model(
        inputs_embeds=embeddings, attention_mask=additive(batch.mask), position_ids=batch.positions, use_cache=False
    ).last_hidden_state
    wanted = batch.targets != IGNORE
    return model.lm_head(hidden[wanted]).float(), batch.targets[wanted], patches


class Worker:
    """One thread's share of every step: its own teacher, one torch thread, gradients added to the shared model."""

    def __init__(
        self, model: LlavaForConditionalGeneration, heads: DenseHeads, *, tokenizer: PreTrainedTokenizerFast, seed: int
    ) -> None:
        self.model, self.heads, self.tokenizer = model, heads, tokenizer
        self.teacher = Teacher(rng=Random(seed), forbidden=suite_fingerprints())
        self.noise = np.random.default_rng(seed)

    def stills(self, *, count: int, share: float) -> Outcome:
        """Pictures, in two halves: short examples together, because attention is quadratic."""
        examples = sorted((self.teacher.still_example() for _ in range(count)), key=_size)
        first = self._learn(examples[: count // 2], share=share / 2)
        second = self._learn(examples[count // 2 :], share=share / 2)
        return Outcome(loss=(first.loss + second.loss) / 2, batches=[*first.batches, *second.batches])

    def basics(self, *, count: int, share: float) -> Outcome:
        """One picture each, many questions of two or three words."""
        return self._learn([self.teacher.basic_example() for _ in range(count)], share=share)

    def films(self, *, count: int, share: float) -> Outcome:
        """Films."""
        return self._learn([self.teacher.film_example() for _ in range(count)], share=share)

    def drill(self, *, count: int, share: float) -> Outcome:
        """The tower alone goes on naming letters under patches, the hardest thing to see."""
        torch.set_num_threads(1)
        pixels, target = dense_batch(self.teacher.rng, size=count, noise=self.noise, samplers=DRILLS)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            patches = self.model.model.vision_tower(pixel_values=pixels, output_hidden_states=True).hidden_states[-1]
            loss, shares = self.heads.loss(patches, target=target)
        (loss * share).backward()
        return Outcome(loss=shares[2], batches=[])

    def _learn(self, examples: list[Example], *, share: float) -> Outcome:
        torch.set_num_threads(1)
        packed = [pack(example, tokenizer=self.tokenizer) for example in examples]
        batch = collate(packed, pad=self.tokenizer.pad_token_id)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, targets, patches = answer_logits(self.model, batch, noise=self.noise)
            loss = total = nn.functional.cross_entropy(logits, targets)
            if patches is not None:
                dense, _ = self.heads.loss(patches, target=torch.from_numpy(np.stack(batch.labels)))
                total = loss + DENSE_SHARE * dense
        (total * share).backward()
        return Outcome(loss=loss.item(), batches=[(batch, logits.detach().argmax(-1) == targets)])


def _size(example: Example) -> int:
    return 40 * len(example.pictures) + sum(len(block.prompt) // 4 for block in example.blocks)


def train(
    model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, *, args: argparse.Namespace
) -> None:
    """The second stage, until the time is over."""
    heads = DenseHeads(model.config.vision_config.hidden_size)
    workers = [Worker(model, heads, tokenizer=tokenizer, seed=args.seed + number) for number in range(args.workers)]
    pool, tally = ThreadPoolExecutor(args.workers), Tally()
    both = optimizers(model, heads, rate=args.rate)
    start = saved = time.monotonic()
    step = 0
    while (elapsed := (time.monotonic() - start) / 60) < args.minutes:
        set_rate(both, rate=args.rate * rate_at(elapsed, total=args.minutes, step=step))
        outcomes = list(
            pool.map(lambda worker: lesson(worker, workers=args.workers, easy=elapsed < args.easy), workers)
        )
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        list(pool.map(update, both))
        for batch, right in (entry for outcome in outcomes for part in outcome for entry in part.batches):
            tally.add(batch, right=right)
        step += 1
        if step % 100 == 0:
            losses = [round(part.loss, 3) for outcome in outcomes for part in outcome]
            print(f"step {step} minute {elapsed:.1f} losses {losses}\n{tally.report()}", flush=True)
        if time.monotonic() - saved > SAVE_EVERY:
            save(model, args.work)
            saved = time.monotonic()
    save(model, args.work)


def lesson(worker: Worker, *, workers: int, easy: bool) -> list[Outcome]:
    """One worker's part of a step."""
    if easy:
        return [worker.basics(count=STILLS // workers, share=1 / workers)]
    stills = worker.stills(count=STILLS // workers, share=0.7 / workers)
    drill = worker.drill(count=DRILL // workers, share=0.8 / workers)
    return [stills, drill, worker.films(count=FILMS // workers, share=0.3 / workers)]


def save(model: nn.Module, work: Path) -> None:
    """Replace the checkpoint in one move."""
    torch.save(model.state_dict(), work / "model.pt.new")
    (work / "model.pt.new").rename(work / "model.pt")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--vision-minutes", type=float, default=13.0)
    parser.add_argument("--minutes", type=float, default=75.0)
    parser.add_argument("--rate", type=float, default=3.2e-3)
    parser.add_argument("--easy", type=float, default=10.0, help="minutes of first lessons within --minutes")
    parser.add_argument("--workers", type=int, default=2, help="threads that share a step (1, 2 or 4)")
    parser.add_argument("--seed", type=int, default=TRAIN_SEED)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --work")
    args = parser.parse_args()
    torch.set_num_threads(2)
    args.work.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    model = new_model(tokenizer)
    if args.resume:
        model.load_state_dict(torch.load(args.work / "model.pt"))
    else:
        pretrain(model.model.vision_tower, minutes=args.vision_minutes, seed=args.seed)
        save(model, args.work)
    torch.set_num_threads(1)
    train(model, tokenizer, args=args)


if __name__ == "__main__":
    main()
