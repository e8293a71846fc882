"""Write a card's tables as figures, SVG or PNG: equal input gives equal bytes, whatever matplotlib's settings are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from evalkit import text_files
from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec
from evalkit.reporting.figures.chart import Chart, card_charts
from evalkit.reporting.figures.dot_plot import dot_plot
from evalkit.reporting.figures.radar import radar
from evalkit.reporting.figures.style import SETTINGS, fonts
from evalkit.reporting.fill import card_tables
from evalkit.results.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Plot: TypeAlias = Callable[["Figure", Chart, str], None]
"""Draws a chart into an empty figure, in a language."""

FEWEST_SPOKES = 5
"""A table with fewer rows of groups gets no radar."""


def save_figures(
    card: CardSpec,
    runs: Sequence[Run],
    folder: Path,
    *,
    language: str = "en",
    png: bool = False,
    column: str = "",
    allow_incomplete: bool = False,
) -> list[Path]:
    """Write `<card>-<table>-dots.svg`, for a table with groups also `-radar.svg`, and with `png` each as PNG.

    Returns the files. Raises EvalkitError if matplotlib is not installed, no number can be drawn, scores cannot be
    read, or the folder cannot be written; and as `fill.card_tables` does.
    """
    tables = card_tables(card, runs, language=language, allow_incomplete=allow_incomplete, column=column)
    charts = card_charts(card, tables, runs)
    if not charts:
        raise EvalkitError(f"card {card.name} has no numbers to draw: name a results folder with runs of its tasks")
    files = []
    for chart in charts:
        for name, plot in _plots(chart).items():
            for suffix in ("svg", "png") if png else ("svg",):
                file = folder / f"{card.name}-{chart.id}-{name}.{suffix}"
                data = _draw(plot, chart, suffix, language)
                files.append(text_files.write_atomic(file, data, option="--figures"))
    return files


def _plots(chart: Chart) -> Mapping[str, Plot]:
    return {"dots": dot_plot, "radar": radar} if len(chart.grouped) >= FEWEST_SPOKES else {"dots": dot_plot}


def _draw(plot: Plot, chart: Chart, suffix: str, language: str) -> bytes:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise EvalkitError("figures need matplotlib: install it with `pip install 'evalkit-vlm[report]'`") from error
    out = io.BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # a user's matplotlibrc would change the bytes
        mpl.rcParams.update(SETTINGS)
        mpl.rcParams["font.family"] = fonts(language, suffix)
        # Text stays text in an SVG, and its reader may have the font that this machine lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure()
        plot(figure, chart, language)
        no_date = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        figure.savefig(out, format=suffix, dpi=160, metadata=no_date)
    return out.getvalue()
