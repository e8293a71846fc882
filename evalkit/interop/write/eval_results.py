"""`.eval_results/*.yaml`, which the hub shows on a model's page and on its benchmarks' leaderboards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit.errors import EvalkitError
from evalkit.filenames import distinct
from evalkit.interop.write.publication import Publication, hub, save
from evalkit.registry.spec import Reference
from evalkit.reporting.cell_text import number_text
from evalkit.reporting.table import Measured
from evalkit.results.run import Run


def write(results: Sequence[Run], publication: Publication) -> list[Path]:
    """`<model>/.eval_results/<task>.yaml` with the headline in percent, for tasks whose id on the hub is given.

    Raises EvalkitError when no run is of such a task, or when such a task's data are not on the hub.
    """
    chosen = [result for result in results if result.record.task.name in publication.task_ids]
    if not chosen:
        known = ", ".join(dict.fromkeys(result.record.task.name for result in results))
        raise EvalkitError(
            f"none of the runs' tasks ({known}) has an id: give --task-id TASK=ID, as its eval.yaml says"
        )
    return [_save(result, publication) for result in chosen]


def _save(result: Run, publication: Publication) -> Path:
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    run, task = result.record, result.task
    source, stat = hub(task), result.find(Reference(task=run.task.name))
    if source is None or stat is None:
        raise EvalkitError(f"{result.folder}: task {run.task.name} has no data set on the hub; leave out its --task-id")
    cell = Measured(stat, str(result.folder), run.complete, stat.percent)
    low, high = number_text(cell, stat.low), number_text(cell, stat.high)
    limits = f", 95 % interval {low} to {high}" if low else ""
    blind = "; shown no pictures" if run.model.spec.get("blind") else ""
    entry = EvalResultEntry(
        dataset_id=source.path,
        task_id=publication.task_ids[run.task.name],
        value=round(100 * stat.value, 4) if cell.percent else stat.value,
        dataset_revision=run.data.revision or None,
        date=run.execution.started or None,
        notes=f"{stat.metric}, n = {stat.n}{limits}; rule {run.scoring.rule}{blind}; evalkit {run.scoring.evalkit}",
    )
    text = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True)
    return save(publication.out / distinct(run.model.name) / ".eval_results" / f"{distinct(run.task.name)}.yaml", text)
