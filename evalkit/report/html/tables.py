"""A report as one page: merged category cells, our columns set apart, a tooltip that says where a number comes from."""

from __future__ import annotations

from pathlib import Path

from evalkit.report.table import Cell, Measured
from evalkit.report.wording import Report, footnotes, heading, heads, number, text
from evalkit.spec import Localized

TEMPLATE = Path(__file__).with_name("tables.html")
PUBLISHED, OURS = Localized("Published", "已发布"), Localized("This evaluation", "本次评测")


def page(report: Report) -> str:
    """The page; every text is escaped by the template engine, and only a web address becomes a link."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        report=report,
        link=report.source if report.source.startswith(("https://", "http://")) else "",
        published=PUBLISHED.get(report.language),
        ours=OURS.get(report.language),
        heads=heads,
        heading=heading,
        footnotes=footnotes,
        value=lambda cell: text(cell, intervals=False),
        limits=lambda cell: _limits(cell) if report.intervals else "",
        origin=_origin,
    )


def _limits(cell: Cell) -> str:
    if not isinstance(cell, Measured) or cell.stat.low is None or cell.stat.high is None:
        return ""
    return f"[{number(cell, cell.stat.low)}, {number(cell, cell.stat.high)}]"


def _origin(cell: Cell) -> str:
    if not isinstance(cell, Measured):
        return ""
    stat = cell.stat
    where = ", ".join(f"{name}={value}" for name, value in stat.where.items())
    parts = [stat.metric, where, f"n={stat.n}", _limits(cell), stat.method, cell.run]
    return " | ".join(part for part in parts if part)
