"""A dot plot with intervals: one axis from 0 to 100 for all rows of a table, sorted by the first model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from evalkit.registry.spec import Localized
from evalkit.reporting.figures.chart import Chart, Series
from evalkit.reporting.figures.style import FAINT, GRID, INK, series_styles, series_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORE = Localized("Score (%), with 95 % intervals", "得分（%）及 95% 置信区间")
OTHERS = Localized("Other published models", "其他已发布模型")
CHANCE = Localized("Chance", "随机猜测")
LANE, GAP, TITLE, AXIS, PLOT = 0.13, 0.1, 0.45, 0.6, 5.6
"""Inches: heights of a model in a row, of the gap between rows, of title and axis; width of the plot."""


def dot_plot(figure: Figure, chart: Chart, language: str) -> None:
    """Draw a row per benchmark with a lane per model; published numbers share the lowest lane."""
    order = _order(chart)
    left = 0.075 * max(_text_width(row.label) for row in chart.rows) + 0.3
    drawn = [series for series in chart.series if any(series.points)]
    entries = len(drawn) + any(chart.others) + any(row.chance is not None for row in chart.rows)
    legend = 0.2 * -(-entries // 2) + 0.15  # two entries in a line
    lanes = sum(series.ours for series in drawn) + any(not series.ours for series in drawn)
    body = len(order) * (LANE * max(lanes, 2) + GAP)
    width, height = left + PLOT + 0.3, TITLE + legend + body + AXIS
    figure.set_size_inches(width, height)
    axes = figure.add_axes((left / width, AXIS / height, PLOT / width, body / height))
    for y, n in enumerate(order):
        _others_and_chance(axes, chart, n, y=y, lane=_lane(lanes - 1, lanes))
    for number, (series, style) in enumerate(series_styles(drawn)):
        lane = _lane(number if series.ours else lanes - 1, lanes)
        _points(axes, series, order, lane=lane, style={**style, "label": series_title(series, language)})
    _axes(axes, chart, order, language)
    _legend_keys(axes, chart, language)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0.3, labelspacing=0.3)
    figure.text(0.15 / width, 1 - 0.3 / height, chart.title, fontsize=11, fontweight="bold")


def _axes(axes: Axes, chart: Chart, order: list[int], language: str) -> None:
    grouped = sum(chart.rows[n].grouped for n in order)
    if 0 < grouped < len(order):
        axes.axhline(grouped - 0.5, color=FAINT, linewidth=0.8)
    axes.set(xlim=(0, 100), ylim=(len(order) - 0.5, -0.5), xticks=range(0, 101, 10))
    axes.set_xlabel(SCORE.get(language))
    axes.set_yticks(range(len(order)), [chart.rows[n].label for n in order])
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _order(chart: Chart) -> list[int]:
    """Parts of a task before its overall, each sorted by the first series, best first; rows without it last."""
    first = next((series.points for series in chart.series if any(series.points)), ())

    def rank(n: int) -> tuple[bool, float]:
        point = first[n] if first else None
        return not chart.rows[n].grouped, -point.value if point else 1.0

    return sorted(range(len(chart.rows)), key=rank)


def _lane(number: int, lanes: int) -> float:
    """The offset of a lane within a row of height 1; each model has a lane, so that no interval hides another."""
    return 0.0 if lanes == 1 else 0.56 * (number / (lanes - 1) - 0.5)


def _others_and_chance(axes: Axes, chart: Chart, n: int, *, y: int, lane: float) -> None:
    others, chance = chart.others[n], chart.rows[n].chance
    axes.plot(others, [y + lane] * len(others), "o", color=FAINT, markersize=3.5, markerfacecolor="none", zorder=2)
    if chance is not None:
        axes.plot([chance, chance], [y - 0.5, y + 0.5], color=INK, linewidth=1.1, linestyle=":", zorder=1)


def _points(axes: Axes, series: Series, order: list[int], *, lane: float, style: dict[str, Any]) -> None:
    points = [(y + lane, point) for y, n in enumerate(order) if (point := series.points[n])]
    for y, point in points:
        if point.low is not None and point.high is not None:
            axes.plot([point.low, point.high], [y, y], color=style["color"], linewidth=1.6, zorder=3)
    # Unclipped, or a marker at 0 or 100 would be cut in half.
    values = [point.value for _, point in points]
    axes.plot(values, [y for y, _ in points], linestyle="none", zorder=4, clip_on=False, **style)


def _legend_keys(axes: Axes, chart: Chart, language: str) -> None:
    """Add legend entries for what the rows draw one by one."""
    if any(chart.others):
        axes.plot([], [], "o", markersize=3.5, color=FAINT, markerfacecolor="none", label=OTHERS.get(language))
    if any(row.chance is not None for row in chart.rows):
        axes.plot([], [], color=INK, linewidth=1.1, linestyle=":", label=CHANCE.get(language))


def _text_width(text: str) -> int:
    """The width in Latin characters; Chinese ones count twice."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)
