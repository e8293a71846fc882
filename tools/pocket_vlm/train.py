"""Train pocket-vlm: python -m tools.pocket_vlm.train --work runs/pocket [--minutes 70] [--resume]

Two stages: the vision tower learns to name what is under every patch (vision.py), then everything learns to answer
questions (lessons.py). Training follows wall time, because the budget is wall time on two cores; it writes a
checkpoint every few minutes and can be stopped and resumed.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from tools.pocket_vlm.attention import additive, use_plain_attention
from tools.pocket_vlm.lessons import Teacher
from tools.pocket_vlm.model import build
from tools.pocket_vlm.packing import IGNORE, Batch, Example, collate, pack
from tools.pocket_vlm.pixels import to_tensor
from tools.pocket_vlm.suite import suite_fingerprints
from tools.pocket_vlm.tokenizer import IMAGE, build_tokenizer
from tools.pocket_vlm.vision import pretrain

TRAIN_SEED = 10_000_000
SAVE_EVERY = 180.0
DECAY_SHARE = 0.4


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """The untrained model for this tokenizer."""
    ids = {"eos": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id, "bos": tokenizer.bos_token_id}
    image = tokenizer.convert_tokens_to_ids(IMAGE)
    model = build(vocab_size=len(tokenizer), image=image, seed=TRAIN_SEED, **ids)
    use_plain_attention(model)
    return model


def optimizers(model: nn.Module, *, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for embeddings, norms and biases; the tower at a fraction of the rate."""
    slow, fast, rest, slow_rest = [], [], [], []
    for name, parameter in model.named_parameters():
        tower = "vision_tower" in name
        matrix = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        (((slow if tower else fast) if matrix else (slow_rest if tower else rest))).append(parameter)
    muon = torch.optim.Muon(
        [{"params": fast, "lr": rate, "share": 1.0}, {"params": slow, "lr": rate, "share": 0.15}],
        lr=rate,
        weight_decay=0.01,
        adjust_lr_fn="match_rms_adamw",
    )
    adam = torch.optim.AdamW(
        [{"params": rest, "lr": rate, "share": 1.0}, {"params": slow_rest, "lr": rate, "share": 0.15}],
        lr=rate,
        betas=(0.9, 0.98),
        weight_decay=0.0,
    )
    return [muon, adam]


def answer_logits(
    model: LlavaForConditionalGeneration, batch: Batch, *, noise: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits at the answer positions and what should follow there."""
    embeddings = model.get_input_embeddings()(batch.ids)
    if batch.pictures:
        tower, projector = model.model.vision_tower, model.model.multi_modal_projector
        pixels = to_tensor(batch.pictures, rng=noise)
        features = projector(tower(pixel_values=pixels, output_hidden_states=True).hidden_states[-1])
        places = (batch.ids == model.config.image_token_id).unsqueeze(-1)
        embeddings = embeddings.masked_scatter(places, features.to(embeddings.dtype))
    hidden = model.model.language_model(
        inputs_embeds=embeddings, attention_mask=additive(batch.mask), position_ids=batch.positions, use_cache=False
    ).last_hidden_state
    wanted = batch.targets != IGNORE
    return model.lm_head(hidden[wanted]).float(), batch.targets[wanted]


class Tally:
    """Share of blocks answered without a wrong token, by kind; training pictures are always new ones."""

    def __init__(self) -> None:
        self.hits: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, batch: Batch, *, right: torch.Tensor) -> None:
        """Count the blocks of a batch."""
        wanted = batch.targets != IGNORE
        rows = torch.arange(len(batch.kinds))[:, None].expand_as(wanted)[wanted]
        blocks = batch.block[wanted]
        wrong = {(row, block) for row, block, ok in zip(rows.tolist(), blocks.tolist(), right.tolist()) if not ok}
        for row, kinds in enumerate(batch.kinds):
            for block, kind in enumerate(kinds, start=1):
                self.hits[kind][0] += (row, block) not in wrong
                self.hits[kind][1] += 1

    def report(self) -> str:
        """All kinds on one line; starts afresh."""
        shown = " ".join(f"[{kind} {100 * hit / seen:.0f}]" for kind, (hit, seen) in sorted(self.hits.items()))
        self.hits.clear()
        return shown


def step_on(
    model: LlavaForConditionalGeneration, examples: list[Example], *, tokenizer: PreTrainedTokenizerFast,
    tally: Tally, noise: np.random.Generator, share: float,
) -> float:
    """Gradients of one group of examples."""
    batch = collate([pack(example, tokenizer=tokenizer) for example in examples], pad=tokenizer.pad_token_id)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, targets = answer_logits(model, batch, noise=noise)
    loss = nn.functional.cross_entropy(logits, targets)
    (loss * share).backward()
    tally.add(batch, right=logits.detach().argmax(-1) == targets)
    return loss.item()


def groups_of(teacher: Teacher, *, args: argparse.Namespace) -> list[tuple[list[Example], float]]:
    """The examples of a step with their shares of the loss; short ones together, because attention is quadratic."""
    stills = sorted((teacher.still_example() for _ in range(args.stills)), key=_size)
    half = args.stills // 2
    films = [teacher.film_example() for _ in range(args.films)]
    return [(stills[:half], 0.4), (stills[half:], 0.4), (films, 0.2)]


def _size(example: Example) -> int:
    return 40 * len(example.pictures) + sum(len(block.prompt) // 4 for block in example.blocks)


def rate_at(elapsed: float, *, total: float, step: int) -> float:
    """Warm up, stay, then fall linearly to nothing."""
    left = max(0.0, 1 - elapsed / total)
    return min(1.0, (step + 1) / 100, left / DECAY_SHARE + 0.01)


def train(model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, *, args: argparse.Namespace) -> None:
    """The second stage, until the time is over."""
    teacher = Teacher(rng=Random(args.seed), forbidden=suite_fingerprints())
    noise, tally = np.random.default_rng(args.seed), Tally()
    both = optimizers(model, rate=args.rate)
    start = saved = time.monotonic()
    step = 0
    while (elapsed := (time.monotonic() - start) / 60) < args.minutes:
        for optimizer in both:
            for group in optimizer.param_groups:
                group["lr"] = args.rate * group["share"] * rate_at(elapsed, total=args.minutes, step=step)
        losses = []
        for examples, share in groups_of(teacher, args=args):
            losses.append(round(step_on(model, examples, tokenizer=tokenizer, tally=tally, noise=noise, share=share), 3))
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in both:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        if step % 100 == 0:
            print(f"step {step} minute {elapsed:.1f} losses {losses} refused {teacher.refused}")
            print(tally.report(), flush=True)
        if time.monotonic() - saved > SAVE_EVERY:
            save(model, args.work)
            saved = time.monotonic()
    save(model, args.work)


def save(model: nn.Module, work: Path) -> None:
    """Replace the checkpoint in one move."""
    torch.save(model.state_dict(), work / "model.pt.new")
    (work / "model.pt.new").rename(work / "model.pt")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--vision-minutes", type=float, default=13.0)
    parser.add_argument("--minutes", type=float, default=70.0)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--stills", type=int, default=12)
    parser.add_argument("--films", type=int, default=2)
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
    train(model, tokenizer, args=args)


if __name__ == "__main__":
    main()
