"""Build a static site from runs: tables, a page per run, a page of samples per task; equal runs give equal pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evalkit import text_files
from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec, Localized, Row, Table
from evalkit.reporting.fill import card_tables
from evalkit.reporting.site import thumbnails
from evalkit.reporting.site.index_page import index_page, ranked_tables
from evalkit.reporting.site.run_page import run_page
from evalkit.reporting.site.samples_page import samples_page
from evalkit.reporting.site.templates import SiteContext
from evalkit.reporting.site.thumbnails import Thumbnails
from evalkit.reporting.site.urls import run_url, samples_url
from evalkit.results.run import Run
from evalkit.run.dataset import Dataset
from evalkit.types import Value

ALL_TASKS = Localized("All tasks", "全部任务")


class SiteOptions(Value, frozen=True, kw_only=True):
    """The folder to write and what the user may choose; `pixels` is the longest side of a picture, 0 for none."""

    out: Path
    title: str = ""
    language: str = "en"
    allow_incomplete: bool = False
    pixels: int = thumbnails.PIXELS
    licence_note: str = ""


def build_site(options: SiteOptions, runs: Sequence[Run], *, card: CardSpec | None = None) -> list[str]:
    """Write `index.html`, `runs/`, `samples/` and `media/`; return a sentence for each thing that could not be shown.

    Without a card, every task is a column. A file that exists is replaced; no other file is touched. Raises
    EvalkitError as `fill.card_tables` does, and for a folder that cannot be written.
    """
    layout = card or _all_tasks(runs)
    title = options.title or (layout.title.get(options.language) if layout.title else layout.name)
    context = SiteContext(title=title, language=options.language, licence_note=options.licence_note)
    filled = card_tables(layout, runs, language=options.language, allow_incomplete=options.allow_incomplete)
    tables = ranked_tables(context, layout, filled, runs)
    pages = {"index.html": index_page(context, tables, source=layout.source)}
    pages |= {run_url(run): run_page(context, run) for run in runs}
    _write(options.out, pages)
    media = Thumbnails(options.out / "media", pixels=options.pixels, language=options.language)
    problems: list[str] = []
    for task in dict.fromkeys(run.record.task.name for run in runs):
        readable, unreadable = _readable(context, [r for r in runs if r.record.task.name == task])
        problems += unreadable
        _write(
            options.out, {samples_url(task): samples_page(context, task, readable, media=media, problems=unreadable)}
        )
    return [*problems, *media.problems]


def _all_tasks(runs: Sequence[Run]) -> CardSpec:
    """A card of one table: all tasks by their headline metric, in the order of the runs."""
    titles = {run.record.task.name: run.task.title for run in runs}
    rows = tuple(Row(score=task, label=title) for task, title in titles.items())
    table = Table(id="all", rows=rows, title=ALL_TASKS)
    return CardSpec(name="leaderboard", title=Localized("Leaderboard", "排行榜"), tables=(table,))


def _readable(context: SiteContext, runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The runs of one task whose data can be read, and a sentence for each of the others."""
    datasets: dict[str, Dataset] = {}
    readable, problems = [], []
    for run in runs:
        try:
            readable.append(run.open(datasets))
        except EvalkitError as error:
            problem = "samples of {model} on {task} are not shown: {error}"
            problems.append(context.translate(problem, model=run.column, task=run.record.task.name, error=error))
    return readable, problems


def _write(folder: Path, pages: Mapping[str, str]) -> None:
    for name, text in pages.items():
        text_files.write_atomic(folder / name, text.encode())
