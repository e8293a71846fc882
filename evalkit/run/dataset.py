"""The samples of a task, as many as it declares, with a reason beside each that cannot be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evalkit.data.columns import require
from evalkit.data.filters import keeps
from evalkit.data.sources import Places, Rows, Table, annotated, table_of
from evalkit.errors import CellError, EvalkitError, IncompleteError, MediaError
from evalkit.media.cache import MediaCache
from evalkit.registry.spec import TaskSpec
from evalkit.types import Sample, Video


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Samples in file order; `problems` maps the id of a sample that cannot be asked to the reason.

    fingerprint: sha256 over the content of `files`. revision: the hub's commit, "" for local files.
    """

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
    rows: Rows | None = None,
    limit: int | float | None = None,
    media: bool = True,
) -> Dataset:
    """Read a task's data. Without `media` no picture is looked for.

    `rows` in memory replace the task's source, and so does a file of `annotations`. Relative paths of pictures in
    `rows` lie in the first mirror, else in the folder of `places`.
    limit: a number of samples, or a share in (0, 1), spread evenly over the file order; counts are checked before it.
    Raises IncompleteError for a wrong count, a missing column or an id that occurs twice.
    """
    table = open_table(task, places, annotations=annotations, rows=rows)
    _check(task, table, media=media)
    positions = limited(_counted(task, table), limit)
    samples, problems = _samples(task, table, positions, places.media_cache, media=media)
    return Dataset(
        samples=samples,
        fingerprint=table.fingerprint,
        revision=table.revision,
        files=table.files,
        problems=problems,
    )


def open_table(task: TaskSpec, places: Places, *, annotations: Path | None = None, rows: Rows | None = None) -> Table:
    """The table that `load` reads: `rows`, else the file of `annotations`, else the task's own source."""
    if rows is not None:
        root = places.mirrors[0] if places.mirrors else places.folder
        return table_of(rows, media_cache=places.media_cache, root=root)
    return annotated(annotations, places.media_cache) if annotations else task.source.open(places)


def limited(positions: Sequence[int], limit: int | float | None) -> Sequence[int]:
    """`limit` of the positions (a share if it is a fraction), at least one, evenly spread: the i-th of n is i * N // n.

    Raises EvalkitError for a limit that is neither a positive whole number nor a share in (0, 1).
    """
    if limit is None or not positions:
        return positions
    if limit <= 0 or (isinstance(limit, float) and limit >= 1 and limit != int(limit)):
        raise EvalkitError(f"limit {limit} is neither a number of samples nor a share between 0 and 1; correct --limit")
    count = max(1, round(len(positions) * limit)) if limit < 1 else min(int(limit), len(positions))
    return [positions[i * len(positions) // count] for i in range(count)]


def _check(task: TaskSpec, table: Table, *, media: bool) -> None:
    """Every named column must exist; where replies are only scored, a file of golds need not hold questions.

    Nor what they share: without it intervals are those of independent samples, and say so.
    """
    found = {*table.columns, "row"}
    for field, names in task.columns.names(media=media).items():
        for name in names if media or field not in {"question", "cluster"} else ():
            require(name, found, field=f"tasks/{task.name}: columns.{field}")
    if task.keep:
        require(task.keep.column, found, field=f"tasks/{task.name}: keep.column")


def _counted(task: TaskSpec, table: Table) -> list[int]:
    """Positions of the rows that count, as many as the task declares, each with an id of its own."""
    columns, keep = task.columns, task.keep
    named = {*columns.names()["id"], *({keep.column} if keep else ())}
    needed = named | {name.partition(".")[0] for name in named}
    positions: dict[str, int] = {}
    for position, row in enumerate(table.rows(needed)):
        if keep and not keeps(keep, row, columns.missing):
            continue
        name = columns.identity({"row": position, **row})
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
    task: TaskSpec, table: Table, positions: Sequence[int], media_cache: MediaCache, *, media: bool
) -> tuple[tuple[Sample, ...], dict[str, str]]:
    samples, problems = [], {}
    wanted = frozenset(positions)
    columns = task.columns
    for row in table.rows(_read(task, media=media), wanted):
        try:
            sample = columns.sample(row, root=table.root, media_cache=media_cache, media=media)
        except (CellError, MediaError) as error:
            sample = columns.known(row)
            problems[sample.id] = str(error)
        lost = next((part for part in sample.media if not part.digest), None)
        if lost is not None:
            noun = "video" if isinstance(lost, Video) else "picture"
            problems[sample.id] = f"the {noun} {lost.path} is missing; complete the data in {table.root}"
        samples.append(sample)
    return tuple(samples), problems


def _read(task: TaskSpec, *, media: bool) -> set[str]:
    """Columns to read, also the outer ones of nested fields."""
    names = {name for names in task.columns.names(media=media).values() for name in names}
    return names | {name.partition(".")[0] for name in names} | {"row"}
