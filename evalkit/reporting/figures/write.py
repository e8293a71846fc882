"""A card's tables as figures, a sorted dot plot with intervals and a radar of subtasks: equal input, equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit import text_files
from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec
from evalkit.reporting.figures.charts import Chart, charts
from evalkit.reporting.table import cells
from evalkit.results.ranks import Scores
from evalkit.results.read import Result

SPOKES = 5
"""Fewer groups make no radar."""


def write(
    card: CardSpec,
    results: Sequence[Result],
    folder: Path,
    *,
    language: str = "en",
    png: bool = False,
    column: str = "",
    allow_incomplete: bool = False,
) -> list[Path]:
    """Write `<card>-<table>-dots.svg`, where a table has groups also `-radar.svg`, and with `png` each as PNG.

    Returns the files. Raises EvalkitError where matplotlib is not installed, no number can be drawn, scores cannot be
    read, or the folder cannot be written; and what `table.cells` raises.
    """
    filled = cells(card, results, language=language, allow_incomplete=allow_incomplete, column=column)
    drawn = charts(card, filled, results, Scores())
    if not drawn:
        raise EvalkitError(f"card {card.name} has no numbers to draw: name a results folder with runs of its tasks")
    return [
        _file(folder / f"{card.name}-{chart.id}-{kind}.{suffix}", chart, language)
        for chart in drawn
        for kind in ("dots", *(("radar",) if len(chart.grouped) >= SPOKES else ()))
        for suffix in ("svg", *(("png",) if png else ()))
    ]


def _file(path: Path, chart: Chart, language: str) -> Path:
    from evalkit.reporting.figures.plots import picture

    data = picture(chart, path.stem.rpartition("-")[2], path.suffix[1:], language)
    return text_files.write_atomic(path, data, option="--figures")
