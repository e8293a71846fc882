"""`evalkit compare`: a candidate against a base, a stored baseline or a card's published numbers, and a gate."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import msgspec

from evalkit import text_files
from evalkit.cli.setup import places
from evalkit.comparison import (
    EXIT,
    REASONS,
    Comparison,
    GateSettings,
    against_card,
    ci,
    compare,
    flips,
    render,
    runs,
    with_flips,
)
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.decode import suggestion
from evalkit.registry.spec import CardSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def main(options: argparse.Namespace) -> int:
    """Exit codes: 0 passed, 1 failed, 3 not comparable, 5 inconclusive where that is asked to fail."""
    settings = _settings(options)
    place = _baseline(options, options.save_baseline) if options.save_baseline else None
    comparison = _compared(options, settings)
    if options.flips:
        flips_by_task, notes = flips.collect_flips(comparison, options.flips, places(options))
        comparison = with_flips(comparison, flips_by_task)
        comparison = msgspec.structs.replace(comparison, notes=(*comparison.notes, *notes))
    text = render.to_terminal(comparison)
    sys.stdout.write(ci.without_commands(text) if options.actions else text)
    _files(options, comparison)
    _actions(options, comparison)
    if place is not None:
        _save(options, comparison, place)
    if comparison.verdict == "inconclusive" and not options.fail_inconclusive:
        return 0
    return EXIT[comparison.verdict]


def _settings(options: argparse.Namespace) -> GateSettings:
    for reason in options.allow:
        if reason not in REASONS:
            hint = suggestion(reason, REASONS)
            raise EvalkitError(f"--allow {reason}: no such reason{hint}; known: {', '.join(REASONS)}")
    if options.flips < 0:
        raise EvalkitError(f"--flips {options.flips}: a number of samples from 0")
    if not 0 < options.alpha < 1:
        raise EvalkitError(f"--alpha {options.alpha:g}: not a probability between 0 and 1; the usual one is 0.05")
    if options.margin is not None and not 0 <= options.margin < float("inf"):
        raise EvalkitError(f"--margin {options.margin:g}: a drop in points from 0, such as 1")
    return GateSettings(
        gate=options.gate,
        margin=options.margin,
        alpha=options.alpha,
        correction=options.correction,
        allow=tuple(options.allow),
    )


def _compared(options: argparse.Namespace, settings: GateSettings) -> Comparison:
    kind, mark, name = options.base.partition(":")
    if mark and kind == "card":
        card, _, column = name.rpartition("/")
        if not card:
            raise EvalkitError(f"{options.base}: name the card and its column, as in card:NAME/COLUMN")
        return against_card(load.spec(CardSpec, card), column, options.candidate, settings)
    if mark and kind == "baseline":
        place = _baseline(options, name)
        if not place.is_dir():
            raise EvalkitError(
                f"{options.base}: there is no {place}; --save-baseline {name} writes it, as where a run is compared "
                "with itself"
            )
        return compare(place, options.candidate, settings)
    return compare(Path(options.base), options.candidate, settings)


def _baseline(options: argparse.Namespace, name: str) -> Path:
    """`baselines/NAME` beside the results folder: inside of it, a report would take the copies for runs."""
    if not NAME.fullmatch(name):
        raise EvalkitError(f"baseline {name!r}: use letters, digits, dots, dashes and underscores")
    run = next(iter(runs.runs_by_task(options.candidate).values()))
    return run.folder.resolve().parent.parent.parent / "baselines" / name


def _save(options: argparse.Namespace, comparison: Comparison, place: Path) -> None:
    if comparison.verdict != "pass":
        print(f"baseline {options.save_baseline} is not saved: the gate did not pass", file=sys.stderr)
        return
    runs.save_baseline(list(runs.runs_by_task(options.candidate).values()), place)
    print(f"baseline {options.save_baseline} saved in {place}", file=sys.stderr)


def _files(options: argparse.Namespace, comparison: Comparison) -> None:
    junit = ci.junit(comparison, strict=options.fail_inconclusive)
    for option, file, data in (
        ("--json", options.json, render.to_json(comparison)),
        ("--markdown", options.markdown, render.to_markdown(comparison).encode()),
        ("--junit", options.junit, junit.encode()),
    ):
        if file is not None:
            text_files.write_atomic(file, data, option=option)


def _actions(options: argparse.Namespace, comparison: Comparison) -> None:
    """On GitHub's runners: lines that it shows at the job, and a page of results."""
    if not options.actions:
        return
    for line in ci.workflow_commands(comparison):
        print(line, file=sys.stderr)
    if options.step_summary is not None:
        try:
            with options.step_summary.open("a", encoding="utf-8") as file:
                file.write(ci.job_summary(comparison, used=file.tell()))
        except OSError as error:
            raise EvalkitError(f"{options.step_summary}: cannot be written ({error.strerror})") from error
