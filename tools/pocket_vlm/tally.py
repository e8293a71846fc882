"""The reports of the workers, and the running statistics by kind of question."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import torch

from tools.pocket_vlm.packing import IGNORE, Batch


@dataclass
class Outcome:
    """A worker's report: its loss, and for each batch which answer tokens were right."""

    loss: float
    batches: list[tuple[Batch, torch.Tensor]]


class Tally:
    """Share of blocks answered without a wrong token, by kind; training pictures are always new ones."""

    def __init__(self) -> None:
        self.hits: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, batch: Batch, *, right: torch.Tensor) -> None:
        """Count the blocks of a batch."""
        wanted = batch.targets != IGNORE
        rows = torch.arange(len(batch.kinds))[:, None].expand_as(wanted)[wanted]
        blocks = batch.block[wanted]
        wrong = {
            (row, block)
            for row, block, ok in zip(rows.tolist(), blocks.tolist(), right.tolist(), strict=True)
            if not ok
        }
        for row, kinds in enumerate(batch.kinds):
            for block, kind in enumerate(kinds, start=1):
                self.hits[kind][0] += (row, block) not in wrong
                self.hits[kind][1] += 1

    def report(self) -> str:
        """All kinds on one line; starts afresh."""
        shown = " ".join(f"[{kind} {100 * hit / seen:.0f}]" for kind, (hit, seen) in sorted(self.hits.items()))
        self.hits.clear()
        return shown
