"""The data of a recorded run, loaded again as its record names them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from evalkit import digest
from evalkit.data.sources import DataPlaces
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset
from evalkit.run.dataset import Dataset
from evalkit.run.record import RunRecord


def load_recorded(
    record: RunRecord, task: TaskSpec, places: DataPlaces, *, media: bool, datasets: dict[str, Dataset]
) -> Dataset:
    """The data set of a run, from `datasets` if a run before it has loaded the same. Raises EvalkitError.

    Local copies in `places` come before those in the record. media: False looks for no picture or video.
    """
    data, limit = record.data, record.task.limit
    mirrors = places.mirrors or tuple(map(Path, data.mirrors))
    key = digest.of(
        {
            "source": row_fields(task),
            "where": [str(mirror) for mirror in mirrors],
            "file": [record.task.folder, data.annotations, limit, media],
        }
    )
    if key not in datasets:
        datasets[key] = dataset.load(
            task,
            msgspec.structs.replace(places, mirrors=mirrors, folder=Path(record.task.folder)),
            annotations=Path(data.annotations) if data.annotations else None,
            limit=limit,
            media=media,
        )
    return datasets[key]


def row_fields(task: TaskSpec) -> list[object]:
    """The fields of a task that decide which samples it has."""
    return [task.source, task.columns, task.row_filter, task.samples]
