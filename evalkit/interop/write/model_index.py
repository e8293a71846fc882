"""`model-index`, the metadata at the top of a model card (huggingface/hub-docs, modelcard.md); one file per model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from evalkit.filenames import unique_name
from evalkit.interop.write.publication import Publication, hub_dataset, overall_stats, runs_by_model, write_file
from evalkit.results.run import Run
from evalkit.types import Stat

if TYPE_CHECKING:
    from huggingface_hub import EvalResult


def write_model_index(runs: Sequence[Run], publication: Publication) -> list[Path]:
    """`<model>/model-index.yaml`, for the front matter of a model card, between the `---` lines; as fractions."""
    from huggingface_hub import ModelCardData

    files = []
    for model, model_runs in runs_by_model(runs).items():
        entries = [_entry(run, stat) for run in model_runs for stat in overall_stats(run)]
        card = ModelCardData(model_name=model_runs[0].title, eval_results=entries)
        files.append(write_file(publication.out / unique_name(model) / "model-index.yaml", card.to_yaml() + "\n"))
    return files


def _entry(run: Run, stat: Stat) -> EvalResult:
    from huggingface_hub import EvalResult

    task, source = run.task, hub_dataset(run.task)
    metric: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(task.metrics[stat.metric]))  # YAML has no tuples
    kind = metric.pop("kind")
    media = "video-" if task.columns.video else "image-" if task.columns.images else ""
    return EvalResult(
        task_type=f"{media}text-to-text" if media else "text-generation",
        dataset_type=source.path if source else task.name,
        dataset_name=task.title.en,
        dataset_split=source.split if source else None,
        dataset_revision=run.record.data.revision or None,
        metric_type=kind,
        metric_name=stat.metric,
        metric_value=stat.value,
        metric_args=metric or None,
    )
