"""Results -> a static site: tables, a page per run, a viewer of samples per task; a pure function of what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit import text_files
from evalkit.data.sources import Places
from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec, Localized, Row, Table
from evalkit.reporting.site import board, names, runs, samples, site, thumbnails
from evalkit.reporting.site.thumbnails import Thumbnails
from evalkit.reporting.table import cells
from evalkit.results.ranks import Scores
from evalkit.results.read import Result
from evalkit.results.trace import Known, Trace, trace
from evalkit.types import Value

ALL = Localized("All tasks", "全部任务")


class Site(Value, frozen=True, kw_only=True):
    """What the command line decides: `pixels` is the longest side of a picture, 0: no pictures."""

    out: Path
    title: str = ""
    language: str = "en"
    allow_incomplete: bool = False
    pixels: int = thumbnails.PIXELS
    licence_note: str = ""


def write(settings: Site, results: Sequence[Result], places: Places, *, card: CardSpec | None = None) -> list[str]:
    """Write `index.html`, `runs/`, `samples/` and `media/`; returns what could not be shown, a sentence each.

    A file that stands there already is replaced; no other file is touched. Raises EvalkitError for results that make
    no table, and for a folder that cannot be written.
    """
    layout = card or plain(results)
    title = settings.title or (layout.title.get(settings.language) if layout.title else layout.name)
    frame = site.Frame(title=title, language=settings.language, licence_note=settings.licence_note)
    filled = cells(layout, results, language=settings.language, allow_incomplete=settings.allow_incomplete)
    tables = board.tables(layout, filled, results, Scores(), say=frame.say)
    remarks: list[str] = []
    pages = {"index.html": site.index(frame, tables, source=layout.source)}
    pages |= {names.run(result): runs.page(frame, result) for result in results}
    _write(settings.out, pages)
    media = Thumbnails(settings.out / "media", pixels=settings.pixels, language=settings.language)
    for task in dict.fromkeys(result.run.task for result in results):
        traces, missing = _traces([r for r in results if r.run.task == task], places, frame)
        remarks += missing
        page = samples.page(frame, task, traces, media=media, missing=missing)
        _write(settings.out, {names.samples(task): page})
    return [*remarks, *media.problems]


def plain(results: Sequence[Result]) -> CardSpec:
    """One table of all tasks by their headline metric, in the order in which the results name them."""
    from evalkit.results.trace import task_of

    titles = {result.run.task: task_of(result).title for result in results}
    rows = tuple(Row(score=task, label=title) for task, title in titles.items())
    return CardSpec(
        name="leaderboard", title=Localized("Leaderboard", "排行榜"), tables=(Table(id="all", rows=rows, title=ALL),)
    )


def _traces(results: Sequence[Result], places: Places, frame: site.Frame) -> tuple[list[Trace], list[str]]:
    """The runs of one task whose data can be read, and a sentence for each of the others."""
    known: Known = {}
    found, missing = [], []
    for result in results:
        try:
            found.append(trace(result, places, known))
        except EvalkitError as error:
            told = "samples of {model} on {task} are not shown: {error}"
            missing.append(frame.say(told, model=result.column, task=result.run.task, error=error))
    return found, missing


def _write(folder: Path, pages: dict[str, str]) -> None:
    for name, text in pages.items():
        text_files.write_atomic(folder / name, text.encode())
