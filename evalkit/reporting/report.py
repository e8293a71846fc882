"""A card's report: its filled tables, the settings of their runs, and what is to be printed beside the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from evalkit.registry.spec import CardSpec
from evalkit.reporting.best_of_row import mark_best
from evalkit.reporting.data_frame import data_frame
from evalkit.reporting.fill import card_tables
from evalkit.reporting.table import CardTable
from evalkit.results.run import Run
from evalkit.results.settings import ReportedSettings, reported_settings
from evalkit.safe_text import printable
from evalkit.types import Value

if TYPE_CHECKING:
    from pandas import DataFrame


class CardReport(Value, frozen=True, kw_only=True):
    """Everything that a format prints; the JSON format is this value.

    `intervals` and `details` say what people see beside the numbers; `runs` are those that the tables show.
    """

    card: str
    title: str
    source: str
    language: str
    intervals: bool
    details: bool = False
    tables: tuple[CardTable, ...]
    runs: tuple[ReportedSettings, ...] = ()

    def frame(self, *, intervals: bool = False) -> DataFrame:
        """Return the tables as one DataFrame, see `data_frame.data_frame`."""
        return data_frame(self.tables, intervals=intervals)


def card_report(
    card: CardSpec,
    runs: Sequence[Run],
    *,
    language: str = "en",
    intervals: bool = False,
    details: bool = False,
    best: bool = False,
    column: str = "",
    allow_incomplete: bool = False,
) -> CardReport:
    """Return the report of a card over runs; `best` marks the best number of each row.

    Raises EvalkitError as `fill.card_tables` does, and with `best` as `best_of_row.mark_best` does.
    """
    tables = card_tables(card, runs, language=language, allow_incomplete=allow_incomplete, column=column)
    return CardReport(
        card=card.name,
        title=printable(card.title.get(language) if card.title else card.name),
        source=printable(card.source),
        language=language,
        intervals=intervals,
        details=details,
        tables=tuple(mark_best(card, tables, runs) if best else tables),
        runs=_settings(tables, runs),
    )


def _settings(tables: Iterable[CardTable], runs: Iterable[Run]) -> tuple[ReportedSettings, ...]:
    folders = {cell.folder for table in tables for cell in table.measured}
    return tuple(reported_settings(run) for run in runs if str(run.folder) in folders and not run.derived)
