"""A KV cache with spare positions: a row begins with the keys and values of its prefix; new ones are written in place.

The cache of transformers is copied whole with every token; behind a video that costs more than the model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

SPARE_POSITIONS = 64
"""Positions to spare whenever a tensor of the cache is allocated."""


class CachedPrefix(NamedTuple):
    """Row `row` of a KV cache and of its attention mask [rows, positions]."""

    cache: Any
    mask: torch.Tensor
    row: int


def expand_masks(prefixes: Sequence[CachedPrefix]) -> torch.Tensor:
    """The attention masks [len(prefixes), longest] of the rows of `expand_cache`, padded on the left like them."""
    import torch

    longest = max(prefix.mask.shape[1] for prefix in prefixes)
    pad = torch.nn.functional.pad
    return torch.stack([pad(p.mask[p.row], (longest - p.mask.shape[1], 0)) for p in prefixes])


def expand_cache(prefixes: Sequence[CachedPrefix], *, new: int) -> Any:
    """A DynamicCache of one row per prefix, padded on the left, with space allocated for at least `new` positions.

    The keys and values of each layer are [len(prefixes), heads, longest, head size], copies of the prefixes' own.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    class PreallocatedLayer(DynamicLayer):  # type: ignore[misc]  # transformers' classes have no types
        """Keys and values [rows, heads, positions, head size] are views of tensors with more positions."""

        def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
            super().__init__()
            self.lazy_initialization(keys, values)
            self.keys, self.values = keys, values

        def update(self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any) -> tuple[Any, Any]:
            self.keys, self.values = _append(self.keys, keys), _append(self.values, values)
            return self.keys, self.values

    cache = DynamicCache()
    for layer in range(len(prefixes[0].cache.layers)):
        sources = [prefix.cache.layers[layer] for prefix in prefixes]
        keys = _expand([source.keys for source in sources], prefixes, new)
        values = _expand([source.values for source in sources], prefixes, new)
        cache.layers.append(PreallocatedLayer(keys, values))
    return cache


def _expand(sources: Sequence[torch.Tensor], prefixes: Sequence[CachedPrefix], new: int) -> torch.Tensor:
    """Row n is row `prefixes[n].row` of `sources[n]` [rows, heads, positions, head size], padded on the left."""
    _, heads, longest, size = max((source.shape for source in sources), key=lambda shape: shape[2])
    expanded = sources[0].new_empty(len(prefixes), heads, longest + new + SPARE_POSITIONS, size)
    # Prefixes of one cache are copied together.
    for source in {id(source): source for source in sources}.values():
        start, rows = longest - source.shape[2], [n for n, other in enumerate(sources) if other is source]
        # Masked positions get the weight 0 in attention, but 0 times the NaN that memory may hold is NaN.
        expanded[rows, :, :start] = 0
        expanded[rows, :, start:longest] = source[[prefixes[n].row for n in rows]]
    return expanded[:, :, :longest]


def _append(past: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """`past` followed by `new` positions: written in place where the tensor that `past` is a view of has the space."""
    rows, heads, start, size = past.shape
    end = start + new.shape[2]
    capacity = past.stride(1) // size
    if end > capacity:
        larger = past.new_empty(rows, heads, end + SPARE_POSITIONS, size)
        larger[:, :, :start] = past
        past, capacity = larger[:, :, :start], end + SPARE_POSITIONS
    whole = past.as_strided((rows, heads, capacity, size), (heads * capacity * size, capacity * size, size, 1))
    whole[:, :, start:end] = new
    return whole[:, :, :end]
