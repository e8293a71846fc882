"""`evalkit compare`: a candidate against a base, a stored baseline or a card's published numbers, and a gate."""

from __future__ import annotations

import argparse
import sys

import msgspec

from evalkit import text_files
from evalkit.api.comparing import baseline_folder, check_settings, compare_sides, side
from evalkit.cli.setup import data_places
from evalkit.comparison import EXIT, Comparison, GateSettings, ci, render
from evalkit.comparison.runs import save_baseline
from evalkit.errors import EvalkitError


def main(options: argparse.Namespace) -> int:
    """Exit codes: 0 passed, 1 failed, 3 not comparable, 5 inconclusive with --fail-inconclusive."""
    settings = check_settings(
        GateSettings(
            gate=options.gate,
            margin=options.margin,
            alpha=options.alpha,
            correction=options.correction,
            allow=tuple(options.allow),
        )
    )
    places = msgspec.structs.replace(data_places(options), offline=True)
    candidate = side(options.candidate, places)
    # An impossible name is an error before anything is compared.
    baseline = baseline_folder(options.save_baseline, candidate) if options.save_baseline else None
    comparison = compare_sides(options.base, candidate, settings, places, flips=options.flips)
    text = render.to_terminal(comparison)
    sys.stdout.write(ci.without_commands(text) if options.actions else text)
    _files(options, comparison)
    _actions(options, comparison)
    if baseline is not None and comparison.verdict == "pass":
        save_baseline(list(candidate.values()), baseline)
        print(f"baseline {options.save_baseline} saved in {baseline}", file=sys.stderr)
    elif baseline is not None:
        print(f"baseline {options.save_baseline} is not saved: the gate did not pass", file=sys.stderr)
    if comparison.verdict == "inconclusive" and not options.fail_inconclusive:
        return 0
    return EXIT[comparison.verdict]


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
    """On GitHub's runners: annotations of the job, and its summary."""
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
