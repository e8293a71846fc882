"""Results -> tables: read runs, lay their stats out as a card says, write the tables in a format."""

from __future__ import annotations

from evalkit.reporting.formats import FORMATS, render
from evalkit.reporting.table import cells, notes
from evalkit.results.read import Result, read_results, side_by_side

__all__ = ["FORMATS", "Result", "cells", "notes", "read_results", "render", "side_by_side"]
