"""`.eval_results/*.yaml`, which the hub shows on a model's page and on its benchmarks' leaderboards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit.errors import EvalkitError
from evalkit.filenames import unique_name
from evalkit.interop.write.publication import Publication, hub_dataset, write_file
from evalkit.registry.spec import Reference
from evalkit.reporting.cell_text import number_text
from evalkit.reporting.table import Measured
from evalkit.results.run import Run


def write_eval_results(runs: Sequence[Run], publication: Publication) -> list[Path]:
    """`<model>/.eval_results/<task>.yaml` with the headline in percent, for tasks whose id on the hub is given.

    Raises EvalkitError when no run is of such a task, or when such a task's data are not on the hub.
    """
    chosen = [run for run in runs if run.record.task.name in publication.task_ids]
    if not chosen:
        names = ", ".join(dict.fromkeys(run.record.task.name for run in runs))
        raise EvalkitError(
            f"none of the tasks ({names}) has an id: give --task-id TASK=ID with the id in the benchmark's eval.yaml"
        )
    return [_write_run(run, publication) for run in chosen]


def _write_run(run: Run, publication: Publication) -> Path:
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    record, scoring = run.record, run.record.scoring
    source, stat = hub_dataset(run.task), run.find(Reference(task=record.task.name))
    if source is None or stat is None:
        raise EvalkitError(f"{run.folder}: task {record.task.name} has no data set on the hub; leave out its --task-id")
    cell = Measured(stat, str(run.folder), record.complete, stat.percent)
    low, high = number_text(cell, stat.low), number_text(cell, stat.high)
    limits = f", 95 % interval {low} to {high}" if low else ""
    blind = "; shown no pictures" if record.model.blind else ""
    entry = EvalResultEntry(
        dataset_id=source.path,
        task_id=publication.task_ids[record.task.name],
        value=round(100 * stat.value, 4) if cell.percent else stat.value,
        dataset_revision=record.data.revision or None,
        date=record.execution.started or None,
        notes=f"{stat.metric}, n = {stat.n}{limits}; rule {scoring.rule}{blind}; evalkit {scoring.evalkit}",
    )
    text = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True)
    folder = publication.out / unique_name(record.model.name) / ".eval_results"
    return write_file(folder / f"{unique_name(record.task.name)}.yaml", text)
