"""Base against candidate: runs, folders of runs, a saved baseline, or a column of a card's published numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from evalkit.api.inputs import RunsLike, card_spec, runs_of
from evalkit.comparison import REASONS, Comparison, GateSettings, against_card, compare_runs, with_flips
from evalkit.comparison.runs import by_task, read_side
from evalkit.comparison.values import Correction, Gate
from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError
from evalkit.registry.decode import suggestion
from evalkit.results.run import Run
from evalkit.run.places import default_places

FLIPS = 5
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
Side: TypeAlias = Mapping[str, Run]
"""One model's runs by task."""


def compare(
    base: RunsLike,
    candidate: RunsLike,
    *,
    gate: Gate = "regression",
    margin: float | None = None,
    alpha: float = 0.05,
    correction: Correction = "holm",
    allow: Sequence[str] = (),
    flips: int = FLIPS,
) -> Comparison:
    """Compare two models' runs task by task, and judge the difference by a gate.

    `base` may also be the text `card:NAME/COLUMN`, a column of published numbers, or `baseline:NAME`, a baseline saved
    beside the candidate's results. `margin` is in percentage points. `allow` names differences between the runs that
    are accepted, such as "prompt".

    `.verdict` is "pass", "fail", "inconclusive" or "not comparable", `.lines` has one line per task, and `.flips` the
    samples that turned wrong or right, up to `flips` of each per task, with prompt and replies where these are at
    hand. Raises EvalkitError for settings out of range and for folders without runs.
    """
    settings = check_settings(
        GateSettings(gate=gate, margin=margin, alpha=alpha, correction=correction, allow=tuple(allow))
    )
    places = default_places(offline=True)
    return compare_sides(base, side(candidate, places), settings, places, flips=flips)


def check_settings(settings: GateSettings) -> GateSettings:
    """Return the settings. Raises EvalkitError for one that is out of range."""
    for reason in settings.allow:
        if reason not in REASONS:
            hint = suggestion(reason, REASONS)
            raise EvalkitError(f"--allow {reason}: no such reason{hint}; known: {', '.join(REASONS)}")
    if not 0 < settings.alpha < 1:
        raise EvalkitError(f"--alpha {settings.alpha:g}: not a probability between 0 and 1; the usual one is 0.05")
    if settings.margin is not None and not 0 <= settings.margin < float("inf"):
        raise EvalkitError(f"--margin {settings.margin:g}: a drop in points from 0, such as 1")
    return settings


def side(runs: RunsLike, places: DataPlaces) -> Side:
    """One model's runs by task. Raises EvalkitError for several models or several runs of a task."""
    if isinstance(runs, str | Path):
        return read_side(Path(runs), places)
    return by_task(runs_of(runs, places), "the runs")


def compare_sides(
    base: RunsLike, candidate: Side, settings: GateSettings, places: DataPlaces, *, flips: int
) -> Comparison:
    """The service behind `compare`. Raises EvalkitError."""
    if flips < 0:
        raise EvalkitError(f"--flips {flips}: a number of samples from 0")
    kind, mark, name = base.partition(":") if isinstance(base, str) else ("", "", "")
    if mark and kind == "card":
        card, _, column = name.rpartition("/")
        if not card:
            raise EvalkitError(f"{base}: name the card and its column, as in card:NAME/COLUMN")
        return against_card(card_spec(card), column, candidate, settings)
    ours = side(_baseline(name, candidate) if mark and kind == "baseline" else base, places)
    return with_flips(compare_runs(ours, candidate, settings), ours, candidate, count=flips)


def _baseline(name: str, candidate: Side) -> Path:
    folder = baseline_folder(name, candidate)
    if not folder.is_dir():
        raise EvalkitError(
            f"baseline:{name}: there is no {folder}; --save-baseline {name} writes it, as where a run is compared "
            "with itself"
        )
    return folder


def baseline_folder(name: str, candidate: Side) -> Path:
    """`baselines/NAME` beside the results folder: inside of it, a report would take the copies for runs."""
    if not NAME.fullmatch(name):
        raise EvalkitError(f"baseline {name!r}: use letters, digits, dots, dashes and underscores")
    run = next(iter(candidate.values()))
    return run.folder.resolve().parent.parent.parent / "baselines" / name
