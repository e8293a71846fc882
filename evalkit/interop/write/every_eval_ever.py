"""Every Eval Ever, the shared format of the EvalEval coalition (eval.schema.json, version 0.3.0); a file per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from shlex import join
from typing import Any

import msgspec

from evalkit.backends.checkpoint_files import HUB_ID
from evalkit.errors import EvalkitError
from evalkit.filenames import unique_name
from evalkit.interop.write.publication import Publication, hub_dataset, run_digests, write_file
from evalkit.registry.spec import TaskSpec
from evalkit.results.run import Run
from evalkit.types import Stat

VERSION = "0.3.0"
IN_PROCESS = ("transformers", "phi3_vision")
"""Backends that load the weights themselves; for any other it is unknown who hosts the model."""


def write_every_eval_ever(runs: Sequence[Run], publication: Publication) -> list[Path]:
    """`<task>/<model>.json`. Raises EvalkitError unless the publication has organization and relationship."""
    if not (publication.organization and publication.relationship):
        raise EvalkitError("the format wants to know who publishes: give --organization and --relationship")
    return [
        write_file(
            publication.out / unique_name(run.record.task.name) / f"{unique_name(run.record.model.name)}.json",
            msgspec.json.format(msgspec.json.encode(evaluation_record(run, publication)), indent=2) + b"\n",
        )
        for run in runs
    ]


def evaluation_record(run: Run, publication: Publication) -> dict[str, Any]:
    """The record of one run. The format has no place for metrics of which neither more nor less is better."""
    record, task = run.record, run.task
    written = str(datetime.fromisoformat(publication.written).timestamp())
    return {
        "schema_version": VERSION,
        "evaluation_id": f"{record.task.name}/{record.model.name}/{written}",
        **({"evaluation_timestamp": record.execution.started} if record.execution.started else {}),
        "retrieved_timestamp": written,
        "source_metadata": {
            "source_name": "evalkit",
            "source_type": "evaluation_run",
            "source_organization_name": publication.organization,
            "evaluator_relationship": publication.relationship,
        },
        "eval_library": {
            "name": "evalkit",
            "version": record.execution.versions.get("evalkit", "unknown"),
            "additional_details": _non_empty(git_commit=record.execution.git_commit, **run_digests(record)),
        },
        "model_info": _model(run),
        "evaluation_results": [_result(run, task, stat) for stat in run.stats if task.metrics[stat.metric].better],
    }


def _model(run: Run) -> dict[str, Any]:
    record = run.record
    kind = str(record.model.identity.get("kind", ""))
    details = {
        "deployment_type": "self_deployed" if kind in IN_PROCESS else "unknown",
        "model_availability": "unknown",
        **_non_empty(backend=kind, dtype=record.execution.dtype, device=record.execution.device),
    }
    name = str(record.model.identity.get("model", ""))
    # an id of the hub means something to others; a path would only disclose our folders
    return {
        "name": run.title,
        "id": name if HUB_ID.fullmatch(name) else record.model.name,
        "additional_details": details,
    }


def _result(run: Run, task: TaskSpec, stat: Stat) -> dict[str, Any]:
    where = ", ".join(f"{name} = {value}" for name, value in stat.where.items())
    return {
        "evaluation_name": f"{task.title.en} ({where})" if where else task.title.en,
        "source_data": _source(task),
        "metric_config": _metric(task, stat),
        "score_details": {"score": stat.value, "uncertainty": _uncertainty(stat)},
        "generation_config": _generation(run, task),
    }


def _generation(run: Run, task: TaskSpec) -> dict[str, Any]:
    record = run.record
    args: dict[str, object] = {}
    if run.generated:
        args = {"temperature": task.generation.temperature, "max_tokens": task.generation.max_new_tokens}
    if not run.recorded:  # else the command only scored the replies of another program
        args["execution_command"] = join(record.execution.argv)
    judge = str(record.scoring.judge.get("name", ""))
    blind = "shown no pictures" if record.model.blind else ""
    return {
        "generation_args": args,
        "additional_details": _non_empty(rule=record.scoring.rule, judge=judge, media=blind),
    }


def _source(task: TaskSpec) -> dict[str, Any]:
    source = hub_dataset(task)
    if source is None:
        return {"dataset_name": task.name, "source_type": "other"}
    return {
        "dataset_name": task.title.en,
        "source_type": "hf_dataset",
        "hf_repo": source.path,
        "hf_split": source.split,
        "samples_number": task.samples,
    }


def _metric(task: TaskSpec, stat: Stat) -> dict[str, Any]:
    metric = task.metrics[stat.metric]
    config: dict[str, Any] = {
        "lower_is_better": metric.better < 0,
        "metric_name": stat.metric,
        "metric_kind": str(metric.__struct_config__.tag),
    }
    if stat.percent:
        config |= {"metric_unit": "proportion", "score_type": "continuous", "min_score": 0, "max_score": 1}
    return config


def _uncertainty(stat: Stat) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": stat.n}
    if stat.stderr is not None:
        uncertainty["standard_error"] = {"value": stat.stderr}
    if stat.low is not None and stat.high is not None:
        limits = {"lower": stat.low, "upper": stat.high, "confidence_level": 0.95}
        uncertainty["confidence_interval"] = limits | ({"method": stat.method} if stat.method else {})
    return uncertainty


def _non_empty(**facts: str) -> Mapping[str, str]:
    return {name: value for name, value in facts.items() if value}
