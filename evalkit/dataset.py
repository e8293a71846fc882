"""The samples of a task, as many as it declares, with a reason beside each that cannot be asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from evalkit.sources import Places
from evalkit.spec import TaskSpec
from evalkit.types import Sample


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Samples in file order; `problems` maps the id of a sample that cannot be asked to the reason."""

    samples: tuple[Sample, ...]
    fingerprint: str
    revision: str
    files: tuple[Path, ...]
    problems: Mapping[str, str]


def load(
    task: TaskSpec,
    places: Places,
    *,
    annotations: Path | None = None,
    limit: int | float | None = None,
    media: bool = True,
) -> Dataset:
    """Read a task's data. `annotations` replaces the source's file; without `media` no picture is looked for.

    limit: a number of samples, or a share in (0, 1), spread evenly over the file order; counts are checked before it.
    Raises IncompleteError for a wrong count, a missing column or an id that occurs twice.
    """
    raise NotImplementedError
