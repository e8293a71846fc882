"""The page of a run: what exactly was run, on what, with which numbers and which problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import join

import msgspec

from evalkit.reporting.site import names
from evalkit.reporting.site.site import Frame, render
from evalkit.reporting.table import Measured
from evalkit.reporting.wording import number
from evalkit.results.read import Result
from evalkit.results.trace import task_of
from evalkit.run.record import RunRecord
from evalkit.types import Stat

PROBLEMS = 200
"""Problems listed on the page; run.json holds all of them."""


def page(frame: Frame, result: Result) -> str:
    """The page; digests, versions and the command stand as run.json has them."""
    run = result.run
    return render(
        "run.html",
        frame,
        home="../",
        run=run,
        model=names.model(result),
        task=task_of(result).title.get(frame.language),
        facts={frame.say(title): list(_rows(part)) for title, part in _facts(frame, result).items()},
        numbers=[_number(result, stat) for stat in result.stats],
        problems=list(run.problems.items())[:PROBLEMS],
        more=max(0, len(run.problems) - PROBLEMS),
        samples=names.samples(run.task),
        documents={
            frame.say("Task as it was run"): _json(run.task_spec),
            frame.say("Model as it was run"): _json(run.model_spec),
            frame.say("Identity of the model"): _json(run.identity),
            frame.say("Judge"): _json(run.judge),
        },
    )


def _facts(frame: Frame, result: Result) -> dict[str, Mapping[str, object]]:
    run = result.run
    told = {
        "What was run": _asked(run),
        "Digests (sha256)": {
            "task": run.task_digest,
            "model": run.model_digest,
            "data": run.data_digest,
            "revision of the data": run.data_revision,
        },
        "Counts": msgspec.to_builtins(run.counts),
        "Data": {"files": "\n".join(run.data_files), "annotations": run.annotations, "mirrors": "\n".join(run.mirrors)},
    }
    named = {title: {frame.say(name): value for name, value in part.items()} for title, part in told.items()}
    return {**named, "Versions": run.versions}


def _asked(run: RunRecord) -> dict[str, object]:
    return {
        "command": join(run.argv),
        "started": run.started,
        "seconds": run.seconds,
        "seconds in the model": run.busy,
        "calls of the model": run.model_calls,
        "shared prefixes": run.share_prefix,
        "device": run.device,
        "dtype": run.dtype,
        "rule": run.rule,
        "limit": run.limit,
        "code": run.git_commit,
    }


def _rows(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Facts that are known; an empty text means that the record does not say."""
    return ((name, str(value)) for name, value in facts.items() if value != "")


def _number(result: Result, stat: Stat) -> tuple[str, str, str, str, str, str]:
    cell = Measured(stat, result.folder, result.run.complete, stat.percent)
    where = ", ".join(f"{name} = {value}" for name, value in stat.where.items())
    low, high = number(cell, stat.low), number(cell, stat.high)
    return stat.metric, where, number(cell, stat.value), f"{low} – {high}" if low else "", str(stat.n), stat.method


def _json(value: Mapping[str, object]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() if value else ""
