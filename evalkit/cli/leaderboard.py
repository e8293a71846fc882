"""`evalkit leaderboard`: a static site from results folders; nothing in it is loaded from elsewhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evalkit.cli.setup import existing, places
from evalkit.registry import load
from evalkit.registry.spec import CardSpec
from evalkit.reporting import side_by_side
from evalkit.reporting.site.build import SiteOptions, build_site


def main(options: argparse.Namespace) -> int:
    """Print the address of the first page; exit code 0. What could not be shown is said on stderr and on its page."""
    site = SiteOptions(
        out=options.out,
        title=options.title,
        language=options.lang,
        allow_incomplete=options.allow_incomplete,
        pixels=0 if options.no_media else options.pixels,
        licence_note=options.licence_note,
    )
    card = load.spec(CardSpec, options.card) if options.card else None
    results = side_by_side(existing(options.results, Path("results")), places(options))
    for remark in build_site(site, results, card=card):
        print(f"evalkit: {remark}", file=sys.stderr)
    print((options.out / "index.html").resolve())
    return 0
