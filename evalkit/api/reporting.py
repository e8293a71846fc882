"""A card's tables and the leaderboard site, from runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from evalkit.api.inputs import RunsLike, card_spec, runs_of
from evalkit.registry.spec import CardSpec
from evalkit.reporting import CardReport, card_report
from evalkit.reporting.site.build import SiteOptions, build_site
from evalkit.results.run import Run
from evalkit.run.places import default_places


def report(
    card: str | Path | CardSpec,
    runs: RunsLike = (),
    *,
    language: Literal["en", "zh"] = "en",
    intervals: bool = True,
    details: bool = False,
    best: bool = False,
    column: str = "",
    allow_incomplete: bool = False,
) -> CardReport:
    """The tables of a card with its published numbers, and beside them those of runs (or of folders that hold runs).

    `.frame()` gives them as a DataFrame; `evalkit.reporting.render` prints them in a format. `column` names the
    published column that ours are compared with. Raises EvalkitError for runs that do not fit into one table.
    """
    return card_report(
        card_spec(card),
        runs_of(runs, default_places(offline=True)),
        language=language,
        intervals=intervals,
        details=details,
        best=best,
        column=column,
        allow_incomplete=allow_incomplete,
    )


def leaderboard(
    runs: RunsLike,
    out: str | Path,
    *,
    card: str | Path | CardSpec | None = None,
    title: str = "",
    language: Literal["en", "zh"] = "en",
    allow_incomplete: bool = False,
    data: Sequence[str | Path] = (),
    cache: str | Path | None = None,
) -> Path:
    """Write the site of runs (or of folders that hold runs) to `out`; return its first page.

    Its pages say what could not be shown. Raises EvalkitError for a folder that cannot be written.
    """
    options = SiteOptions(out=Path(out), title=title, language=language, allow_incomplete=allow_incomplete)
    return build_leaderboard(options, runs_of(runs, default_places(data=data, cache=cache)), card)[0]


def build_leaderboard(
    options: SiteOptions, runs: Sequence[Run], card: str | Path | CardSpec | None
) -> tuple[Path, list[str]]:
    """The first page of the site, and a sentence for each thing that it cannot show."""
    problems = build_site(options, runs, card=None if card is None else card_spec(card))
    return (options.out / "index.html").resolve(), problems
