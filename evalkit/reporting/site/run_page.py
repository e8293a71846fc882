"""The page of a run: what exactly was run, on what, with which numbers and which problems."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import join
from typing import NamedTuple

import msgspec

from evalkit.reporting.cell_text import number_text
from evalkit.reporting.fill import model_title
from evalkit.reporting.site.templates import SiteContext, render_page
from evalkit.reporting.site.urls import samples_url
from evalkit.reporting.table import Measured
from evalkit.results.run import Run
from evalkit.run.record import RunRecord
from evalkit.types import Stat

MOST_PROBLEMS = 200
"""Problems listed on the page; run.json holds all of them."""


class NumberRow(NamedTuple):
    """One number of a run as the page prints it; `group` is empty for all samples."""

    metric: str
    group: str
    value: str
    interval: str
    n: int
    method: str


def run_page(context: SiteContext, run: Run) -> str:
    """Return the page; digests, versions and the command are printed as run.json has them."""
    record = run.record
    return render_page(
        "run.html",
        context,
        home="../",
        run=record,
        model=model_title(run),
        task=run.task.title.get(context.language),
        facts=_facts(context, record),
        numbers=[_number_row(run, stat) for stat in run.stats],
        problems=list(record.scoring.problems.items())[:MOST_PROBLEMS],
        more=max(0, len(record.scoring.problems) - MOST_PROBLEMS),
        samples=samples_url(record.task.name),
        documents={
            context.translate("Task as it was run"): _json(record.task.spec),
            context.translate("Model as it was run"): _json(record.model.spec),
            context.translate("Identity of the model"): _json(record.model.identity),
            context.translate("Judge"): _json(record.scoring.judge),
        },
    )


def _facts(context: SiteContext, record: RunRecord) -> dict[str, list[tuple[str, str]]]:
    """Names and values by section, without those that the record leaves empty."""
    sections: dict[str, Mapping[str, object]] = {
        "What was run": _command(record),
        "Digests (sha256)": {
            "task": record.task.digest,
            "model": record.model.digest,
            "data": record.data.digest,
            "revision of the data": record.data.revision,
        },
        "Counts": msgspec.to_builtins(record.scoring.counts),
        "Data": {
            "files": "\n".join(record.data.files),
            "annotations": record.data.annotations,
            "mirrors": "\n".join(record.data.mirrors),
        },
    }
    translate = context.translate
    facts = {
        translate(title): [(translate(name), str(value)) for name, value in section.items() if value != ""]
        for title, section in sections.items()
    }
    versions = [(package, version) for package, version in record.execution.versions.items() if version]
    return {**facts, translate("Versions"): versions}


def _command(record: RunRecord) -> dict[str, object]:
    return {
        "command": join(record.execution.argv),
        "started": record.execution.started,
        "seconds": record.execution.seconds,
        "seconds in the model": record.execution.busy,
        "calls of the model": record.execution.calls,
        "shared prefixes": record.execution.share_prefix,
        "device": record.execution.device,
        "dtype": record.execution.dtype,
        "rule": record.scoring.rule,
        "limit": "" if record.task.limit is None else record.task.limit,
        "code": record.execution.git_commit,
    }


def _number_row(run: Run, stat: Stat) -> NumberRow:
    cell = Measured(stat, str(run.folder), run.record.complete, stat.percent)
    group = ", ".join(f"{name} = {value}" for name, value in stat.where.items())
    low, high = number_text(cell, stat.low), number_text(cell, stat.high)
    interval = f"{low} – {high}" if low else ""
    return NumberRow(stat.metric, group, number_text(cell, stat.value), interval, stat.n, stat.method)


def _json(value: Mapping[str, object]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() if value else ""
