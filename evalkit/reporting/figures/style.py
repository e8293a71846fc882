"""The look of all figures: colours and markers that can be told apart in grey, fonts, and settings of matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evalkit.errors import EvalkitError
from evalkit.registry.spec import Localized
from evalkit.reporting.figures.chart import Series

# Okabe and Ito's colours in an order whose greys differ; each has its own marker and line besides.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS, HOLLOW_MARKERS = ("o", "s", "^", "v", "D", "P"), ("D", "s", "^", "v", "o", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)))
INK, FAINT, GRID = "#202124", "#80868b", "#dadce0"
SETTINGS: Any = {
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
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "SimHei",
)
PUBLISHED = Localized("{title} (published)", "{title}（已发布）")


def series_styles(all_series: Sequence[Series]) -> Iterator[tuple[Series, dict[str, Any]]]:
    """Every series with the arguments of its `plot` call, ours first: filled and coloured, published ones hollow."""
    for number, series in enumerate(series for series in all_series if series.ours):
        yield series, {"marker": MARKERS[number % 6], "markersize": 6, "color": COLOURS[number % 6]}
    for number, series in enumerate(series for series in all_series if not series.ours):
        hollow = {"markerfacecolor": "white", "markeredgewidth": 1.3}
        yield series, {"marker": HOLLOW_MARKERS[number % 6], "markersize": 6, "color": INK, **hollow}


def series_title(series: Series, language: str) -> str:
    """The title of a series in the legend."""
    return series.title if series.ours else PUBLISHED.get(language).format(title=series.title)


def fonts(language: str, suffix: str) -> list[str]:
    """Names of fonts, best first; an SVG leaves the font to its reader.

    Raises EvalkitError for a Chinese PNG if no font here has Chinese characters.
    """
    from matplotlib import font_manager

    if language != "zh":
        return ["DejaVu Sans", "sans-serif"]
    installed = set(font_manager.get_font_names())
    chinese = [name for name in CHINESE_FONTS if name in installed]
    if not chinese and suffix == "png":
        raise EvalkitError(f"no font here has Chinese characters: install {CHINESE_FONTS[0]}, or leave --png out")
    return ["DejaVu Sans", *chinese, "sans-serif"]
