"""First stage: teach the vision tower to name shape, colour and letter under every patch."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import numpy as np
import torch
from torch import nn
from transformers import SiglipVisionModel

from tools.pocket_vlm import scenes
from tools.pocket_vlm.draw import render, word_width
from tools.pocket_vlm.pixels import to_array, to_tensor
from tools.pocket_vlm.world import COLOR_NAMES, PATTERNS, SHAPES, Scene, Word

GRID = 6
Sampler = Callable[[Random], Scene]
SAMPLERS: tuple[Sampler, ...] = (scenes.objects, scenes.objects, scenes.sign, scenes.letters, scenes.letters)
SAMPLERS += (scenes.styled, scenes.chart, scenes.overlap, scenes.series)
HEADS = {"shape": len(SHAPES) + 2, "color": len(COLOR_NAMES) + 1, "letter": 27, "pattern": len(PATTERNS)}


def labels(scene: Scene) -> np.ndarray:
    """Class numbers per head and patch, 0 where the patch shows nothing of the kind."""
    grid = np.zeros((len(HEADS), GRID, GRID), dtype=np.int64)
    grid[3] = PATTERNS.index(scene.pattern)
    _bar_labels(grid, scene)
    for shape in scene.shapes:
        if shape.color not in COLOR_NAMES:
            continue
        for row in range(GRID):
            for column in range(GRID):
                distance = max(abs((column + 0.5) / GRID - shape.x), abs((row + 0.5) / GRID - shape.y))
                if distance < max(shape.size / 2, 0.09):
                    grid[0, row, column] = 1 + SHAPES.index(shape.name)
                    grid[1, row, column] = 1 + COLOR_NAMES.index(shape.color)
    for word in scene.words:
        _letter_labels(grid, word)
    return grid.reshape(len(HEADS), GRID * GRID)


def _bar_labels(grid: np.ndarray, scene: Scene) -> None:
    for place, (color, height) in enumerate(scene.bars):
        center = (place + 0.71) / (len(scene.bars) + 0.5)
        column = min(GRID - 1, int(center * GRID))
        top = max(0, min(GRID - 1, round((0.94 - height * 0.88) * GRID)))
        grid[0, top:, column] = len(SHAPES) + 1
        grid[1, top:, column] = 1 + COLOR_NAMES.index(color)


def _letter_labels(grid: np.ndarray, word: Word) -> None:
    start = word.x - word_width(word.text, size=word.size) / 2
    row = min(GRID - 1, int(word.y * GRID))
    for place, letter in enumerate(word.text):
        left = word_width(word.text[:place], size=word.size)
        center = start + (left + word_width(word.text[: place + 1], size=word.size)) / 2
        grid[2, row, max(0, min(GRID - 1, int(center * GRID)))] = 1 + "abcdefghijklmnopqrstuvwxyz".index(letter)


class DenseHeads(nn.Module):
    """One linear reading per head on top of the tower's patch features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(width, classes) for classes in HEADS.values())

    def loss(self, features: torch.Tensor, *, target: torch.Tensor) -> tuple[torch.Tensor, list[float]]:
        """Cross entropy with empty patches weighted down, and the accuracy on the others."""
        total, accuracies = features.new_zeros(()), []
        for number, head in enumerate(self.heads):
            logits, wanted = head(features).flatten(0, 1).float(), target[:, number].flatten()
            filled = wanted > 0
            weight = torch.where(filled, 1.0, 0.15)
            losses = nn.functional.cross_entropy(logits, wanted, reduction="none")
            total = total + (losses * weight).sum() / weight.sum()
            accuracies.append((logits.argmax(-1) == wanted)[filled].float().mean().item())
        return total, accuracies


def dense_batch(
    rng: Random, *, size: int, noise: np.random.Generator, samplers: tuple[Sampler, ...] = SAMPLERS
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures and their patch labels."""
    drawn = [rng.choice(samplers)(rng) for _ in range(size)]
    pixels = to_tensor([to_array(render(scene)) for scene in drawn], rng=noise)
    return pixels, torch.from_numpy(np.stack([labels(scene) for scene in drawn]))


def pretrain(tower: SiglipVisionModel, *, minutes: float, seed: int, batch: int = 64) -> None:
    """Train the tower alone for the given wall time (warm up, then a linear decay of the learning rate)."""
    rng, noise = Random(seed), np.random.default_rng(seed)
    heads = DenseHeads(tower.config.hidden_size)
    parameters = [*tower.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.02)
    start, step = time.monotonic(), 0
    while (elapsed := (time.monotonic() - start) / 60) < minutes:
        rate = 1.5e-3 * min(1.0, (step + 1) / 200) * max(0.05, 1 - elapsed / minutes)
        for group in optimizer.param_groups:
            group["lr"] = rate
        pixels, target = dense_batch(rng, size=batch, noise=noise)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = tower(pixel_values=pixels, output_hidden_states=True).hidden_states[-1]
            loss, accuracies = heads.loss(features, target=target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            shown = " ".join(f"{name} {value:.2f}" for name, value in zip(HEADS, accuracies, strict=True))
            print(f"vision step {step} minute {elapsed:.1f} loss {loss.item():.3f} {shown}", flush=True)
