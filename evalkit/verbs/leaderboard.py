"""`evalkit leaderboard`: a static site from results folders; nothing in it is loaded from elsewhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evalkit import registry
from evalkit.report import side_by_side
from evalkit.report.leaderboard import Site, write
from evalkit.spec import CardSpec
from evalkit.verbs.setup import existing, places


def main(options: argparse.Namespace) -> int:
    """Print the address of the first page; exit code 0. What could not be shown is said on stderr and on its page."""
    site = Site(
        out=options.out,
        title=options.title,
        language=options.lang,
        allow_incomplete=options.allow_incomplete,
        pixels=0 if options.no_media else options.pixels,
        licence_note=options.licence_note,
    )
    card = registry.load(CardSpec, options.card) if options.card else None
    results = side_by_side(existing(options.results, Path("results")))
    for remark in write(site, results, places(options), card=card):
        print(f"evalkit: {remark}", file=sys.stderr)
    print((options.out / "index.html").resolve())
    return 0
