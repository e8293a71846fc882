"""Balanced groups of suite questions, and the small writers that all benchmarks share.

A group holds one question text and one row of options, once with each option as the right answer. Whatever a reader
makes of the text alone, it scores exactly one in `len(options)` on the group.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features

from tools.pocket_vlm import multi, single
from tools.pocket_vlm.draw import render
from tools.pocket_vlm.kinds import Kind, pictures_for, wording
from tools.pocket_vlm.world import Scene

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*single.KINDS, *multi.KINDS)}
LETTERS = "ABCD"
SYNTHETIC = "synthetic (evalkit mini)"


@dataclass(frozen=True)
class Item:
    """One multiple-choice question with its pictures."""

    kind: str
    text: str
    options: tuple[str, ...]
    answer: int
    pictures: tuple[Scene, ...]

    @property
    def letter(self) -> str:
        """Letter of the right option."""
        return LETTERS[self.answer]


def group(kind: Kind, *, count: int, rng: Random) -> list[Item]:
    """The same question and options once for every option."""
    args = kind.propose(rng, None)
    pool = list(kind.pool(args))
    options = pool if kind.fixed_options else rng.sample(pool, min(count, len(pool)))
    text = wording(rng.choice(kind.texts), args=args)
    return [
        Item(
            kind=kind.name,
            text=text,
            options=tuple(options),
            answer=place,
            pictures=tuple(pictures_for(kind, args=args, answer=answer, rng=rng)),
        )
        for place, answer in enumerate(options)
    ]


def groups(name: str, *, number: int, count: int, rng: Random) -> list[Item]:
    """Several balanced groups of one kind, flattened."""
    return [item for _ in range(number) for item in group(KINDS[name], count=count, rng=rng)]


def png(scene: Scene) -> bytes:
    """The drawn scene as PNG bytes (no metadata, fixed compression)."""
    buffer = io.BytesIO()
    render(scene).save(buffer, format="PNG", compress_level=9)
    return buffer.getvalue()


def image_cell(scene: Scene | None, *, path: str) -> dict[str, object] | None:
    """A cell of a hub Image column."""
    return None if scene is None else {"bytes": png(scene), "path": path}


def write_parquet(path: Path, *, rows: Sequence[Mapping[str, object]], features: Features) -> None:
    """Write rows as a hub-style parquet file (the schema carries the feature types)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=features.arrow_schema)
    pq.write_table(table, path, compression="zstd")
