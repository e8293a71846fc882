"""Results -> tables: read runs, lay their stats out as a card says, write the tables in a format."""

from __future__ import annotations

from evalkit.report.formats import FORMATS, render
from evalkit.report.results import Result, read_results, side_by_side
from evalkit.report.table import cells, notes

__all__ = ["FORMATS", "Result", "cells", "notes", "read_results", "render", "side_by_side"]
