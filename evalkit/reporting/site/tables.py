"""A report as one page: merged category cells, our columns set apart, a tooltip that says where a number comes from."""

from __future__ import annotations

from importlib import resources

from evalkit.registry.spec import Localized
from evalkit.reporting.table import Cell, Measured
from evalkit.reporting.verdict import verdicts
from evalkit.reporting.wording import Report, columns, entries, footnotes, heads, legend, limits

TEMPLATE = resources.files("evalkit.reporting.site") / "tables.html"
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
        columns=columns,
        entries=entries,
        verdicts=verdicts,
        footnotes=footnotes,
        signs=legend(report),
        origin=_origin,
    )


def _origin(cell: Cell | None) -> str:
    if not isinstance(cell, Measured):
        return ""
    stat = cell.stat
    where = ", ".join(f"{name}={value}" for name, value in stat.where.items())
    parts = [stat.metric, where, f"n={stat.n}", limits(cell), stat.method, cell.run]
    return " | ".join(part for part in parts if part)
