"""`evalkit leaderboard`: a static site from results folders; nothing in it is loaded from elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from evalkit.api.reporting import build_leaderboard
from evalkit.cli.printing import say
from evalkit.cli.setup import data_places, result_folders
from evalkit.reporting import side_by_side
from evalkit.reporting.site.build import SiteOptions


def main(options: argparse.Namespace) -> int:
    """Print the address of the first page; exit code 0. What could not be shown is named on stderr."""
    site = SiteOptions(
        out=options.out,
        title=options.title,
        language=options.lang,
        allow_incomplete=options.allow_incomplete,
        pixels=0 if options.no_media else options.pixels,
        licence_note=options.licence_note,
    )
    runs = side_by_side(result_folders(options.results, Path("results")), data_places(options))
    page, problems = build_leaderboard(site, runs, options.card or None)
    for problem in problems:
        say(problem)
    print(page)
    return 0
