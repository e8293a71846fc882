"""Where rows come from: `kind` in a task file chooses one of these."""

from __future__ import annotations

from typing import TypeAlias

from evalkit.sources.csv import Csv
from evalkit.sources.huggingface import HuggingFace
from evalkit.sources.jsonl import Jsonl
from evalkit.sources.table import Places, Table
from evalkit.sources.tsv import Tsv

__all__ = ["Csv", "HuggingFace", "Jsonl", "Places", "Source", "Table", "Tsv"]

Source: TypeAlias = HuggingFace | Tsv | Jsonl | Csv
