"""Runs as tables: fill a card's layout with numbers (`CardReport`), and print it in a format."""

from __future__ import annotations

from evalkit.reporting.data_frame import data_frame
from evalkit.reporting.fill import card_tables
from evalkit.reporting.formats import FORMATS, render
from evalkit.reporting.report import CardReport, card_report
from evalkit.reporting.table import CardTable, table_notes
from evalkit.results.folders import read_runs, side_by_side
from evalkit.results.run import Run

__all__ = [
    "FORMATS",
    "CardReport",
    "CardTable",
    "Run",
    "card_report",
    "card_tables",
    "data_frame",
    "read_runs",
    "render",
    "side_by_side",
    "table_notes",
]
