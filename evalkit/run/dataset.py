"""The samples of a task, as many as it declares, and for each that cannot be asked the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from evalkit.data.columns import require_column
from evalkit.data.references import Row
from evalkit.data.sources import DataPlaces, DataTable, Rows, annotations_table, table_of
from evalkit.errors import CellError, EvalkitError, IncompleteError, MediaError
from evalkit.media.cache import MediaCache
from evalkit.registry.spec import TaskSpec
from evalkit.types import Sample, Video


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Samples in file order; `problems` maps the id of a sample that cannot be asked to the reason.

    fingerprint: sha256 over the content of the data. revision: the hub's commit, "" for local data. files: the files
    that were read, none for rows in memory.
    """

    samples: tuple[Sample, ...]
    fingerprint: str
    revision: str
    files: tuple[Path, ...]
    problems: Mapping[str, str]


def load(
    task: TaskSpec,
    places: DataPlaces,
    *,
    annotations: Path | None = None,
    rows: Rows | None = None,
    limit: int | float | None = None,
    media: bool = True,
) -> Dataset:
    """Read a task's data.

    rows, annotations: rows in memory, or a file, in place of the task's source (see `open_table`). limit: a number of
    samples, or a share in (0, 1), spread evenly over the file order; counts are checked before it. media: False looks
    for no picture or video. Raises IncompleteError for a wrong count, a missing column or an id that occurs twice.
    """
    table = open_table(task, places, annotations=annotations, rows=rows)
    _check_columns(task, table, media=media)
    positions = take_evenly(_positions(task, table), limit)
    samples, problems = _samples(task, table, positions, places.media_cache, media=media)
    return Dataset(
        samples=samples,
        fingerprint=table.fingerprint,
        revision=table.revision,
        files=table.files,
        problems=problems,
    )


def open_table(
    task: TaskSpec, places: DataPlaces, *, annotations: Path | None = None, rows: Rows | None = None
) -> DataTable:
    """The table of `rows`, else of the file `annotations`, else of the task's own source.

    Media of `rows` with relative paths are looked for in the first mirror, else in the task's folder.
    """
    if rows is not None:
        root = places.mirrors[0] if places.mirrors else places.folder
        return table_of(rows, media_cache=places.media_cache, root=root)
    return annotations_table(annotations, places.media_cache) if annotations else task.source.open(places)


def kept_rows(task: TaskSpec, table: DataTable, columns: Collection[str] = ()) -> Iterator[tuple[int, Row]]:
    """The rows that the task's `keep` lets pass, with at least these columns, and their positions in the table."""
    row_filter = task.row_filter
    names = {*columns, *({row_filter.column} if row_filter else ())}
    for position, row in enumerate(table.rows(_with_outer(names))):
        if row_filter is None or row_filter.keeps(row, task.columns.missing):
            yield position, row


def take_evenly(positions: Sequence[int], limit: int | float | None) -> Sequence[int]:
    """`limit` of the positions (a share if it is a fraction), at least one, evenly spread: the i-th of n is i * N // n.

    Raises EvalkitError for a limit that is neither a positive whole number nor a share in (0, 1).
    """
    if limit is None or not positions:
        return positions
    if limit <= 0 or (isinstance(limit, float) and limit >= 1 and limit != int(limit)):
        raise EvalkitError(f"limit {limit} is neither a number of samples nor a share between 0 and 1; correct --limit")
    count = max(1, round(len(positions) * limit)) if limit < 1 else min(int(limit), len(positions))
    return [positions[i * len(positions) // count] for i in range(count)]


def _check_columns(task: TaskSpec, table: DataTable, *, media: bool) -> None:
    """Raises IncompleteError for a column that a field names and the table lacks.

    Where replies are only scored, a file of golds need not have questions, nor clusters: without them intervals are
    those of independent samples, and say so.
    """
    names = {*table.columns, "row"}
    for field, needed in task.columns.column_names(media=media).items():
        for name in needed if media or field not in {"question", "cluster"} else ():
            require_column(name, names, field=f"tasks/{task.name}: columns.{field}")
    if task.row_filter:
        require_column(task.row_filter.column, names, field=f"tasks/{task.name}: keep.column")


def _positions(task: TaskSpec, table: DataTable) -> list[int]:
    """Positions of the task's rows, as many as it declares, each with an id of its own."""
    columns = task.columns
    positions: dict[str, int] = {}
    for position, row in kept_rows(task, table, columns.column_names()["id"]):
        name = columns.sample_id({"row": position, **row})
        if name in positions:
            raise IncompleteError(
                f"tasks/{task.name}: rows {positions[name]} and {position} share the id {name!r}; correct columns.id"
            )
        positions[name] = position
    if len(positions) != task.samples:
        files = ", ".join(map(str, table.files[:3])) + (f" and {len(table.files) - 3} more" if table.files[3:] else "")
        raise IncompleteError(
            f"tasks/{task.name}: found {len(positions)} rows, expected {task.samples} in {files or 'memory'}; "
            "fetch the complete split at the revision of the task, or correct `samples`"
        )
    return list(positions.values())


def _samples(
    task: TaskSpec, table: DataTable, positions: Sequence[int], media_cache: MediaCache, *, media: bool
) -> tuple[tuple[Sample, ...], dict[str, str]]:
    samples, problems = [], {}
    columns = task.columns
    names = {name for names in columns.column_names(media=media).values() for name in names}
    for row in table.rows(_with_outer(names) | {"row"}, frozenset(positions)):
        try:
            sample = columns.sample(row, root=table.root, media_cache=media_cache, media=media)
        except (CellError, MediaError) as error:
            sample = columns.partial_sample(row)
            problems[sample.id] = str(error)
        missing = next((part for part in sample.media if not part.digest), None)
        if missing is not None:
            noun = "video" if isinstance(missing, Video) else "picture"
            problems[sample.id] = f"the {noun} {missing.path} is missing; complete the data in {table.root}"
        samples.append(sample)
    return tuple(samples), problems


def _with_outer(names: Collection[str]) -> set[str]:
    """The columns, and for a nested field `outer.inner` also `outer`, in which it lies."""
    return {*names, *(name.partition(".")[0] for name in names)}
