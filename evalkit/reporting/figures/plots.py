"""Charts drawn by matplotlib to SVG or PNG: readable in grey, without its settings, dates or random names."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterator
from math import pi
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from evalkit.errors import EvalkitError
from evalkit.registry.spec import Localized
from evalkit.reporting.figures.charts import Chart, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours in an order whose greys differ; each has its own sign and line besides.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SIGNS, HOLLOW = ("o", "s", "^", "v", "D", "P"), ("D", "s", "^", "v", "o", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)))
INK, FAINT, RULE = "#202124", "#80868b", "#dadce0"
STYLE: Any = {
    "font.size": 9.0,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "svg.hashsalt": "evalkit",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "SimHei",
)
SCORE = Localized("Score (%), with 95 % intervals", "得分（%）及 95% 置信区间")
PUBLISHED = Localized("{title} (published)", "{title}（已发布）")
OTHERS = Localized("Other published models", "其他已发布模型")
CHANCE = Localized("Chance", "随机猜测")
CAVEAT = Localized("A radar shows no intervals; the dot plot does.", "雷达图不含置信区间，请参见点图。")
LANE, GAP, HEAD, FOOT, PLOT = 0.13, 0.1, 0.45, 0.6, 5.6
"""Inches: a model within a row, what parts rows, a title, an axis, the plot; nothing depends on a font's metrics."""


def picture(chart: Chart, kind: str, suffix: str, language: str) -> bytes:
    """A chart as `dots` or `radar`, in the bytes of an svg or png file."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise EvalkitError("figures need matplotlib: install it with `pip install 'evalkit-vlm[report]'`") from error
    out = io.BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # a user's matplotlibrc would change the bytes
        mpl.rcParams.update(STYLE)
        mpl.rcParams["font.family"] = _fonts(language, suffix)
        # Text stays text in an SVG: who looks at it has the font that this machine lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure()
        (_dots if kind == "dots" else _radar)(figure, chart, language)
        nothing = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        figure.savefig(out, format=suffix, dpi=160, metadata=nothing)
    return out.getvalue()


def _fonts(language: str, suffix: str) -> list[str]:
    from matplotlib import font_manager

    if language != "zh":
        return ["DejaVu Sans", "sans-serif"]
    known = set(font_manager.get_font_names())
    found = [name for name in CHINESE if name in known]
    if not found and suffix == "png":
        raise EvalkitError(f"no font here has Chinese characters: install {CHINESE[0]}, or leave --png out")
    return ["DejaVu Sans", *found, "sans-serif"]


def _dots(figure: Figure, chart: Chart, language: str) -> None:
    order = _order(chart)
    left = 0.075 * max(_cells(row.label) for row in chart.rows) + 0.3
    labels = [series for series in chart.series if any(series.points)]
    keys = len(labels) + any(chart.others) + any(row.chance is not None for row in chart.rows)
    legend = 0.2 * -(-keys // 2) + 0.15
    lanes = sum(series.ours for series in labels) + any(not series.ours for series in labels)
    body = len(order) * (LANE * max(lanes, 2) + GAP)
    width, height = left + PLOT + 0.3, HEAD + legend + body + FOOT
    figure.set_size_inches(width, height)
    axes = figure.add_axes((left / width, FOOT / height, PLOT / width, body / height))
    for place, n in enumerate(order):
        _row(axes, chart, n, place=place, lane=_lane(lanes - 1, lanes))
    for number, (series, sign) in enumerate(_signed(labels)):
        lane = _lane(number if series.ours else lanes - 1, lanes)
        _points(axes, series, order, lane=lane, sign={**sign, "label": _title(series, language)})
    _scale(axes, chart, order, language)
    _keys(axes, chart, language)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0.3, labelspacing=0.3)
    figure.text(0.15 / width, 1 - 0.3 / height, chart.title, fontsize=11, fontweight="bold")


def _scale(axes: Axes, chart: Chart, order: list[int], language: str) -> None:
    split = sum(chart.rows[n].grouped for n in order)
    if 0 < split < len(order):
        axes.axhline(split - 0.5, color=FAINT, linewidth=0.8)
    axes.set(xlim=(0, 100), ylim=(len(order) - 0.5, -0.5), xticks=range(0, 101, 10))
    axes.set_xlabel(SCORE.get(language))
    axes.set_yticks(range(len(order)), [chart.rows[n].label for n in order])
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _order(chart: Chart) -> list[int]:
    """Parts of a task before its overall, each sorted by the first series, best first; rows without it last."""
    first = next((s.points for s in chart.series if any(s.points)), ())

    def place(n: int) -> tuple[bool, float]:
        point = first[n] if first else None
        return not chart.rows[n].grouped, -point.value if point else 1.0

    return sorted(range(len(chart.rows)), key=place)


def _lane(number: int, lanes: int) -> float:
    """Where a model stands within a row of height 1: above each other, so that no interval hides another."""
    return 0.0 if lanes == 1 else 0.56 * (number / (lanes - 1) - 0.5)


def _row(axes: Axes, chart: Chart, n: int, *, place: int, lane: float) -> None:
    others, chance = chart.others[n], chart.rows[n].chance
    axes.plot(others, [place + lane] * len(others), "o", color=FAINT, markersize=3.5, markerfacecolor="none", zorder=2)
    if chance is not None:
        axes.plot([chance, chance], [place - 0.5, place + 0.5], color=INK, linewidth=1.1, linestyle=":", zorder=1)


def _points(axes: Axes, series: Series, order: list[int], *, lane: float, sign: dict[str, Any]) -> None:
    rows = [(place + lane, point) for place, n in enumerate(order) if (point := series.points[n])]
    for place, point in rows:
        if point.low is not None and point.high is not None:
            axes.plot([point.low, point.high], [place, place], color=sign["color"], linewidth=1.6, zorder=3)
    values, places = [point.value for _, point in rows], [place for place, _ in rows]
    # A mark at 0 or 100 would be cut in halves.
    axes.plot(values, places, linestyle="none", zorder=4, clip_on=False, **sign)


def _signed(labels: list[Series]) -> Iterator[tuple[Series, dict[str, Any]]]:
    """Every model with its sign: filled and coloured for ours, hollow for published."""
    ours = [series for series in labels if series.ours]
    for number, series in enumerate(ours):
        yield series, {"marker": SIGNS[number % 6], "markersize": 6, "color": COLOURS[number % 6]}
    for number, series in enumerate(series for series in labels if not series.ours):
        hollow = {"markerfacecolor": "white", "markeredgewidth": 1.3}
        yield series, {"marker": HOLLOW[number % 6], "markersize": 6, "color": INK, **hollow}


def _title(series: Series, language: str) -> str:
    return series.title if series.ours else PUBLISHED.get(language).format(title=series.title)


def _keys(axes: Axes, chart: Chart, language: str) -> None:
    """Legend entries of what each row draws by itself."""
    if any(chart.others):
        axes.plot([], [], "o", markersize=3.5, color=FAINT, markerfacecolor="none", label=OTHERS.get(language))
    if any(row.chance is not None for row in chart.rows):
        axes.plot([], [], color=INK, linewidth=1.1, linestyle=":", label=CHANCE.get(language))


def _radar(figure: Figure, chart: Chart, language: str) -> None:
    spokes = chart.grouped
    labels = [series for series in chart.series if any(series.points[n] for n in spokes)]
    legend = 0.2 * len(labels) + 0.45
    width, height = 7.0, 5.7 + legend
    figure.set_size_inches(width, height)
    axes: Any = figure.add_axes((1.4 / width, (legend + 0.55) / height, 4.2 / width, 4.2 / height), projection="polar")
    angles = [2 * pi * n / len(spokes) for n in range(len(spokes))]
    for number, (series, sign) in enumerate(_signed(labels)):
        values = [point.value if (point := series.points[n]) else float("nan") for n in spokes]
        line = {"linestyle": DASHES[number % 6] if series.ours else (0, (2, 2)), "linewidth": 1.6, "clip_on": False}
        axes.plot([*angles, 0.0], [*values, values[0]], label=_title(series, language), **line, **sign)
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
    for value in range(20, 101, 20):  # by hand, above the lines
        paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
        axes.text(pi / len(angles), value, str(value), fontsize=7, ha="center", va="center", bbox=paper, zorder=5)
    axes.set_xticks(angles, [""] * len(angles))
    for angle, label in zip(angles, labels, strict=True):
        _spoke(axes, angle, label)
    axes.grid(color=RULE, linewidth=0.6)
    axes.spines["polar"].set_color(FAINT)


def _spoke(axes: Any, angle: float, label: str) -> None:
    """A label outside the circle, on the side where it lies."""
    side = "center" if min(angle % pi, pi - angle % pi) < 0.1 else "left" if angle < pi else "right"
    level = "bottom" if angle < 0.1 else "top" if abs(angle - pi) < 0.1 else "center"
    axes.text(angle, 106, textwrap.fill(label, 16), horizontalalignment=side, verticalalignment=level)


def _cells(text: str) -> int:
    """Width in Latin characters; Chinese ones count twice."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)
