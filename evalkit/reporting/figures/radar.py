"""A radar chart of the groups of a task: their pattern at a glance, without intervals."""

from __future__ import annotations

import textwrap
from math import pi
from typing import TYPE_CHECKING, Any

from evalkit.registry.spec import Localized
from evalkit.reporting.figures.chart import Chart
from evalkit.reporting.figures.style import DASHES, FAINT, GRID, series_styles, series_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAVEAT = Localized("A radar shows no intervals; the dot plot does.", "雷达图不含置信区间，请参见点图。")


def radar(figure: Figure, chart: Chart, language: str) -> None:
    """Draw the parts of a task as the spokes of a radar, without intervals, and say that it has none."""
    spokes = chart.grouped
    drawn = [series for series in chart.series if any(series.points[n] for n in spokes)]
    legend = 0.2 * len(drawn) + 0.45
    width, height = 7.0, 5.7 + legend
    figure.set_size_inches(width, height)
    axes: Any = figure.add_axes((1.4 / width, (legend + 0.55) / height, 4.2 / width, 4.2 / height), projection="polar")
    angles = [2 * pi * n / len(spokes) for n in range(len(spokes))]
    for number, (series, style) in enumerate(series_styles(drawn)):
        values = [point.value if (point := series.points[n]) else float("nan") for n in spokes]
        line = {"linestyle": DASHES[number % 6] if series.ours else (0, (2, 2)), "linewidth": 1.6, "clip_on": False}
        axes.plot([*angles, 0.0], [*values, values[0]], label=series_title(series, language), **line, **style)
    _circle(axes, angles, [chart.rows[n].label for n in spokes])
    place = (0.3 / width, 0.35 / height)
    figure.legend(loc="lower left", bbox_to_anchor=place, frameon=False, labelspacing=0.3, handlelength=4)
    figure.text(0.3 / width, 0.15 / height, CAVEAT.get(language), fontsize=8, color=FAINT)
    figure.text(0.3 / width, 1 - 0.3 / height, chart.title, fontsize=11, fontweight="bold")


def _circle(axes: Any, angles: list[float], labels: list[str]) -> None:
    axes.set_theta_offset(pi / 2)
    axes.set_theta_direction(-1)
    axes.set(ylim=(0, 100))
    axes.set_yticks(range(20, 101, 20), [""] * 5)
    for value in range(20, 101, 20):  # drawn by hand, to stand above the lines
        background = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
        axes.text(pi / len(angles), value, str(value), fontsize=7, ha="center", va="center", bbox=background, zorder=5)
    axes.set_xticks(angles, [""] * len(angles))
    for angle, label in zip(angles, labels, strict=True):
        _spoke(axes, angle, label)
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines["polar"].set_color(FAINT)


def _spoke(axes: Any, angle: float, label: str) -> None:
    """Write a label outside the circle, aligned to the side where it stands."""
    side = "center" if min(angle % pi, pi - angle % pi) < 0.1 else "left" if angle < pi else "right"
    level = "bottom" if angle < 0.1 else "top" if abs(angle - pi) < 0.1 else "center"
    axes.text(angle, 106, textwrap.fill(label, 16), horizontalalignment=side, verticalalignment=level)
