"""Training sequences: one prefix of pictures, many question blocks behind it that cannot see each other.

A block attends to the prefix and to itself, and its positions continue the prefix, so that every block computes
exactly what the same prompt computes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from tools.pocket_vlm.model import PATCHES
from tools.pocket_vlm.tokenizer import ASSISTANT, END, IMAGE, USER

IGNORE = -100


class Block(NamedTuple):
    """The rest of a prompt behind the prefix, the answer, and the kind of question for the statistics."""

    prompt: str
    answer: str
    kind: str


@dataclass
class Example:
    """Pictures, the text of the prefix (with one IMAGE a picture), the question blocks, what is under each patch."""

    pictures: list[np.ndarray]
    prefix: str
    blocks: list[Block] = field(default_factory=list)
    labels: list[np.ndarray] = field(default_factory=list)


@dataclass
class Packed:
    """Token row of one example; `block` is 0 in the prefix, 1.. in the blocks, whose kinds are in `kinds`."""

    pictures: list[np.ndarray]
    labels: list[np.ndarray]
    kinds: list[str]
    ids: list[int]
    targets: list[int]
    block: list[int]
    positions: list[int]


def picture_prefix(count: int) -> str:
    """The start of a prompt whose pictures come first."""
    return USER + "".join(f"<image {place}>{IMAGE}" for place in range(1, count + 1))


def pack(example: Example, *, tokenizer: PreTrainedTokenizerFast) -> Packed:
    """Tokens, targets (already shifted: what follows each position) and positions."""
    ids = _encode(example.prefix.replace(IMAGE, IMAGE * PATCHES), tokenizer=tokenizer)
    start = len(ids)
    targets, block, positions = [IGNORE] * start, [0] * start, list(range(start))
    for number, part in enumerate(example.blocks, start=1):
        question = _encode(part.prompt + END + ASSISTANT, tokenizer=tokenizer)
        reply = _encode(part.answer + END, tokenizer=tokenizer)
        row = question + reply[:-1]
        ids += row
        targets += [IGNORE] * (len(question) - 1) + reply
        block += [number] * len(row)
        positions += range(start, start + len(row))
    kinds = [part.kind for part in example.blocks]
    return Packed(example.pictures, example.labels, kinds, ids=ids, targets=targets, block=block, positions=positions)


def _encode(text: str, *, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    ids: list[int] = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
    return ids


@dataclass
class Batch:
    """Padded tensors of several packed examples, padding on the right."""

    pictures: list[np.ndarray]
    labels: list[np.ndarray]
    kinds: list[list[str]]
    block: torch.Tensor
    ids: torch.Tensor
    targets: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor


def collate(rows: Sequence[Packed], *, pad: int) -> Batch:
    """Pad, and build the attention mask of blocks (batch, 1, query, key)."""
    length = max(len(row.ids) for row in rows)

    def padded(lists: Sequence[list[int]], fill: int) -> torch.Tensor:
        return torch.tensor([values + [fill] * (length - len(values)) for values in lists])

    block = padded([row.block for row in rows], -1)
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    visible = (block[:, None, :] == block[:, :, None]) | (block[:, None, :] == 0)
    return Batch(
        pictures=[picture for row in rows for picture in row.pictures],
        labels=[label for row in rows for label in row.labels],
        kinds=[row.kinds for row in rows],
        block=block,
        ids=padded([row.ids for row in rows], pad),
        targets=padded([row.targets for row in rows], IGNORE),
        positions=padded([row.positions for row in rows], 0),
        mask=(visible & causal)[:, None],
    )
