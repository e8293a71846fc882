"""Every Eval Ever, the shared format of the EvalEval coalition (eval.schema.json, version 0.3.0); a file per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from shlex import join
from typing import Any

import msgspec

from evalkit.errors import EvalkitError
from evalkit.filenames import distinct
from evalkit.interop.write.publication import Publication, digests, hub, save
from evalkit.registry.load import HUB_ID
from evalkit.registry.spec import TaskSpec
from evalkit.results.run import Run
from evalkit.types import Stat

VERSION = "0.3.0"
LOADED_HERE = ("transformers", "phi3_vision")
"""Backends that load the weights themselves; of any other it is not known who runs the model."""


def write(results: Sequence[Run], publication: Publication) -> list[Path]:
    """`<task>/<model>.json`. Raises EvalkitError unless the publication names who publishes, and as what."""
    if not (publication.organization and publication.relationship):
        raise EvalkitError("the format wants to know who publishes: give --organization and --relationship")
    return [
        save(
            publication.out / distinct(result.record.task.name) / f"{distinct(result.record.model.name)}.json",
            msgspec.json.format(msgspec.json.encode(record(result, publication)), indent=2) + b"\n",
        )
        for result in results
    ]


def record(result: Run, publication: Publication) -> dict[str, Any]:
    """One run; metrics of which neither more nor less is better have no place in the format and are left out."""
    run, task = result.record, result.task
    written = str(datetime.fromisoformat(publication.written).timestamp())
    return {
        "schema_version": VERSION,
        "evaluation_id": f"{run.task.name}/{run.model.name}/{written}",
        **({"evaluation_timestamp": run.execution.started} if run.execution.started else {}),
        "retrieved_timestamp": written,
        "source_metadata": {
            "source_name": "evalkit",
            "source_type": "evaluation_run",
            "source_organization_name": publication.organization,
            "evaluator_relationship": publication.relationship,
        },
        "eval_library": {
            "name": "evalkit",
            "version": run.execution.versions.get("evalkit", "unknown"),
            "additional_details": _known(git_commit=run.execution.git_commit, **digests(run)),
        },
        "model_info": _model(result),
        "evaluation_results": [
            _number(result, task, stat) for stat in result.stats if task.metrics[stat.metric].better
        ],
    }


def _model(result: Run) -> dict[str, Any]:
    run = result.record
    kind = str(run.model.identity.get("kind", ""))
    details = {
        "deployment_type": "self_deployed" if kind in LOADED_HERE else "unknown",
        "model_availability": "unknown",
        **_known(backend=kind, dtype=run.execution.dtype, device=run.execution.device),
    }
    name = str(run.model.identity.get("model", ""))
    # Only an id of the hub means something to others; a path would tell them of our machine.
    return {
        "name": result.title,
        "id": name if HUB_ID.fullmatch(name) else run.model.name,
        "additional_details": details,
    }


def _number(result: Run, task: TaskSpec, stat: Stat) -> dict[str, Any]:
    where = ", ".join(f"{name} = {value}" for name, value in stat.where.items())
    return {
        "evaluation_name": f"{task.title.en} ({where})" if where else task.title.en,
        "source_data": _source(task),
        "metric_config": _metric(task, stat),
        "score_details": {"score": stat.value, "uncertainty": _uncertainty(stat)},
        "generation_config": _generation(result, task),
    }


def _generation(result: Run, task: TaskSpec) -> dict[str, Any]:
    run = result.record
    args: dict[str, object] = {}
    if result.generated:
        args = {"temperature": task.generation.temperature, "max_tokens": task.generation.max_new_tokens}
    if not result.recorded:  # else the command scored what another had generated
        args["execution_command"] = join(run.execution.argv)
    judge = str(run.scoring.judge.get("name", ""))
    blind = "shown no pictures" if run.model.blind else ""
    return {"generation_args": args, "additional_details": _known(rule=run.scoring.rule, judge=judge, media=blind)}


def _source(task: TaskSpec) -> dict[str, Any]:
    source = hub(task)
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
    found: dict[str, Any] = {
        "lower_is_better": metric.better < 0,
        "metric_name": stat.metric,
        "metric_kind": str(metric.__struct_config__.tag),
    }
    if stat.percent:
        found |= {"metric_unit": "proportion", "score_type": "continuous", "min_score": 0, "max_score": 1}
    return found


def _uncertainty(stat: Stat) -> dict[str, Any]:
    found: dict[str, Any] = {"num_samples": stat.n}
    if stat.stderr is not None:
        found["standard_error"] = {"value": stat.stderr}
    if stat.low is not None and stat.high is not None:
        limits = {"lower": stat.low, "upper": stat.high, "confidence_level": 0.95}
        found["confidence_interval"] = limits | ({"method": stat.method} if stat.method else {})
    return found


def _known(**facts: str) -> Mapping[str, str]:
    return {name: value for name, value in facts.items() if value}
