"""The two derived files of a run, stats.json and scores.jsonl, read back whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from evalkit.errors import IncompleteError
from evalkit.results.old_stats import upgrade
from evalkit.types import Score, Stat

T = TypeVar("T")
_decode_stats = msgspec.json.Decoder(list[Stat]).decode
_decode_scores = msgspec.json.Decoder(Score).decode_lines


def read_stats(folder: Path, task_spec: Mapping[str, Any]) -> tuple[Stat, ...]:
    """The stats in a run's folder; `task_spec` is that of its record. Raises IncompleteError."""
    return tuple(upgrade(stat, task_spec) for stat in _read(folder, "stats.json", _decode_stats))


def read_scores(folder: Path, *, planned: int) -> tuple[Score, ...]:
    """The scores in a run's folder, one for each of the `planned` samples. Raises IncompleteError."""
    scores = tuple(_read(folder, "scores.jsonl", _decode_scores))
    distinct = len({score.sample_id for score in scores})
    if not distinct == len(scores) == planned:
        raise IncompleteError(
            f"{folder}/scores.jsonl: holds {len(scores)} scores of {distinct} samples, but its run.json "
            f"tells of {planned}; recompute it with `evalkit score {folder}`"
        )
    return scores


def _read(folder: Path, name: str, decode: Callable[[bytes], list[T]]) -> list[T]:
    file, advice = folder / name, f"recompute it with `evalkit score {folder}` or leave the folder out"
    try:
        return decode(file.read_bytes())
    except OSError as error:
        raise IncompleteError(f"{file}: cannot be read ({error.strerror}): {advice}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IncompleteError(f"{file}: damaged, or not of this program ({error}): {advice}") from error
