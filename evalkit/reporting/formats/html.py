"""A report as one HTML page: category cells merged, our columns set apart, and the origin of a number as a tooltip."""

from __future__ import annotations

from importlib import resources

from evalkit.registry.spec import Localized
from evalkit.reporting.cell_text import interval_text
from evalkit.reporting.display import display_tables
from evalkit.reporting.footnotes import legend
from evalkit.reporting.report import CardReport
from evalkit.reporting.table import Cell, Measured

TEMPLATE = resources.files("evalkit.reporting.formats") / "report.html"
PUBLISHED, OURS = Localized("Published", "已发布"), Localized("This evaluation", "本次评测")


def html_report(report: CardReport) -> str:
    """Return a self-contained page without scripts, light and dark.

    The template engine escapes every text; only a web address becomes a link.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        report=report,
        tables=display_tables(report),
        link=report.source if report.source.startswith(("https://", "http://")) else "",
        published=PUBLISHED.get(report.language),
        ours=OURS.get(report.language),
        legend=legend(report),
        origin=_origin,
    )


def _origin(cell: Cell | None) -> str:
    if not isinstance(cell, Measured):
        return ""
    stat = cell.stat
    where = ", ".join(f"{name}={value}" for name, value in stat.where.items())
    parts = [stat.metric, where, f"n={stat.n}", interval_text(cell), stat.method, cell.folder]
    return " | ".join(part for part in parts if part)
