"""A cache with room behind what it holds: rows begin with what was read once, and what follows is written in place.

The cache of transformers is copied whole with every token; behind a video that costs more than the model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

ROOM = 64
"""Positions to spare at each growth."""


class Read(NamedTuple):
    """Row `place` of a cache, and of the mask [rows, positions] that says which of its positions count."""

    cache: Any
    mask: torch.Tensor
    place: int


def masks(rows: Sequence[Read]) -> torch.Tensor:
    """The masks of all rows, shorter ones padded on the left as `spread` pads them."""
    import torch

    longest = max(row.mask.shape[1] for row in rows)
    pad = torch.nn.functional.pad
    return torch.stack([pad(row.mask[row.place], (longest - row.mask.shape[1], 0)) for row in rows])


def spread(rows: Sequence[Read], *, room: int) -> Any:
    """A DynamicCache of all rows, shorter ones padded on the left, with `room` positions and some more behind them."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    class Roomy(DynamicLayer):  # type: ignore[misc]  # transformers' classes have no types
        """Keys and values [rows, heads, positions, size] are views of tensors with more positions."""

        def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
            super().__init__()
            self.lazy_initialization(keys, values)
            self.keys, self.values = keys, values

        def update(self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any) -> tuple[Any, Any]:
            self.keys, self.values = _behind(self.keys, keys), _behind(self.values, values)
            return self.keys, self.values

    made = DynamicCache()
    for layer in range(len(rows[0].cache.layers)):
        held = [row.cache.layers[layer] for row in rows]
        made.layers.append(
            Roomy(_rows([h.keys for h in held], rows, room), _rows([h.values for h in held], rows, room))
        )
    return made


def _rows(sources: Sequence[torch.Tensor], rows: Sequence[Read], room: int) -> torch.Tensor:
    _, heads, longest, size = max((source.shape for source in sources), key=lambda shape: shape[2])
    made = sources[0].new_empty(len(rows), heads, longest + room + ROOM, size)
    for source in {id(source): source for source in sources}.values():
        begin, own = longest - source.shape[2], [n for n, other in enumerate(sources) if other is source]
        # Unseen, but what is multiplied by nought must be a number.
        made[own, :, :begin] = 0
        made[own, :, begin:longest] = source[[rows[n].place for n in own]]
    return made[:, :, :longest]


def _behind(held: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
    """`held` with `more` positions behind it: in place where the tensor that it is a view of has the room."""
    rows, heads, begin, size = held.shape
    end = begin + more.shape[2]
    room = held.stride(1) // size
    if end > room:
        wider = held.new_empty(rows, heads, end + ROOM, size)
        wider[:, :, :begin] = held
        held, room = wider[:, :, :begin], end + ROOM
    whole = held.as_strided((rows, heads, room, size), (heads * room * size, room * size, size, 1))
    whole[:, :, begin:end] = more
    return whole[:, :, :end]
