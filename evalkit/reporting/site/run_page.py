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


def run_page(context: SiteContext, result: Run) -> str:
    """Return the page; digests, versions and the command are printed as run.json has them."""
    run = result.record
    return render_page(
        "run.html",
        context,
        home="../",
        run=run,
        model=model_title(result),
        task=result.task.title.get(context.language),
        facts=_facts(context, run),
        numbers=[_number_row(result, stat) for stat in result.stats],
        problems=list(run.scoring.problems.items())[:MOST_PROBLEMS],
        more=max(0, len(run.scoring.problems) - MOST_PROBLEMS),
        samples=samples_url(run.task.name),
        documents={
            context.translate("Task as it was run"): _json(run.task.spec),
            context.translate("Model as it was run"): _json(run.model.spec),
            context.translate("Identity of the model"): _json(run.model.identity),
            context.translate("Judge"): _json(run.scoring.judge),
        },
    )


def _facts(context: SiteContext, run: RunRecord) -> dict[str, list[tuple[str, str]]]:
    """Names and values by section, without those that the record leaves empty."""
    sections: dict[str, Mapping[str, object]] = {
        "What was run": _command(run),
        "Digests (sha256)": {
            "task": run.task.digest,
            "model": run.model.digest,
            "data": run.data.digest,
            "revision of the data": run.data.revision,
        },
        "Counts": msgspec.to_builtins(run.scoring.counts),
        "Data": {
            "files": "\n".join(run.data.files),
            "annotations": run.data.annotations,
            "mirrors": "\n".join(run.data.mirrors),
        },
    }
    translate = context.translate
    facts = {
        translate(title): [(translate(name), str(value)) for name, value in section.items() if value != ""]
        for title, section in sections.items()
    }
    versions = [(package, version) for package, version in run.execution.versions.items() if version]
    return {**facts, translate("Versions"): versions}


def _command(run: RunRecord) -> dict[str, object]:
    return {
        "command": join(run.execution.argv),
        "started": run.execution.started,
        "seconds": run.execution.seconds,
        "seconds in the model": run.execution.busy,
        "calls of the model": run.execution.calls,
        "shared prefixes": run.execution.share_prefix,
        "device": run.execution.device,
        "dtype": run.execution.dtype,
        "rule": run.scoring.rule,
        "limit": "" if run.task.limit is None else run.task.limit,
        "code": run.execution.git_commit,
    }


def _number_row(result: Run, stat: Stat) -> NumberRow:
    cell = Measured(stat, str(result.folder), result.record.complete, stat.percent)
    group = ", ".join(f"{name} = {value}" for name, value in stat.where.items())
    low, high = number_text(cell, stat.low), number_text(cell, stat.high)
    interval = f"{low} – {high}" if low else ""
    return NumberRow(stat.metric, group, number_text(cell, stat.value), interval, stat.n, stat.method)


def _json(value: Mapping[str, object]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() if value else ""
