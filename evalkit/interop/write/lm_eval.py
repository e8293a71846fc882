"""The output folder of lm-evaluation-harness: results_<date>.json and a samples_<task>_<date>.jsonl per task.

Fields are those of its `lm_eval/result_schema.py`, in the form that its `evaluation_tracker` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from evalkit import digest
from evalkit.filenames import unique_name
from evalkit.interop.write.publication import (
    Publication,
    has_full_timing,
    overall_stats,
    prompt_text,
    prompts_and_replies,
    runs_by_model,
    write_file,
)
from evalkit.results.run import Run
from evalkit.run.record import RunRecord
from evalkit.types import Score


def write_lm_eval(runs: Sequence[Run], publication: Publication) -> list[Path]:
    """One folder per model. Raises EvalkitError where a run's data cannot be read again."""
    files: list[Path] = []
    for model, model_runs in runs_by_model(runs).items():
        folder = publication.out / unique_name(model)
        date = max(run.record.execution.started for run in model_runs).partition("+")[0].replace(":", "-") or "undated"
        files.append(write_file(folder / f"results_{date}.json", _json(_results(model_runs), indent=2)))
        for run in model_runs:
            name = f"samples_{unique_name(run.record.task.name)}_{date}.jsonl"
            lines = [_json(_sample(n, score, run)) + "\n" for n, score in enumerate(run.scores)]
            files.append(write_file(folder / name, "".join(lines)))
    return files


def _results(runs: Sequence[Run]) -> dict[str, Any]:
    by_task = {run.record.task.name: run for run in runs}
    first = runs[0].record
    started = [run.record.execution.started for run in runs if run.record.execution.started]
    seconds = sum(run.record.execution.seconds for run in runs)
    return {
        "results": {name: _metrics(run) for name, run in by_task.items()},
        "configs": {name: _config(run) for name, run in by_task.items()},
        "n-shot": dict.fromkeys(by_task, 0),
        "higher_is_better": {
            name: {metric: {1: True, -1: False}.get(spec.better) for metric, spec in run.task.metrics.items()}
            for name, run in by_task.items()
        },
        "n-samples": {
            name: {"original": run.record.scoring.counts.samples, "effective": run.record.scoring.counts.planned}
            for name, run in by_task.items()
        },
        "config": _model_config(first),
        "git_hash": first.execution.git_commit or None,
        **({"date": datetime.fromisoformat(min(started)).timestamp()} if started else {}),
        **(
            {"transformers_version": first.execution.versions["transformers"]}
            if "transformers" in first.execution.versions
            else {}
        ),
        "task_hashes": {name: run.record.task.digest for name, run in by_task.items()},
        "model_name": first.model.name,
        "model_name_sanitized": unique_name(first.model.name),
        **({"total_evaluation_time_seconds": str(round(seconds, 3))} if all(map(has_full_timing, runs)) else {}),
    }


def _model_config(record: RunRecord) -> dict[str, str]:
    config = {"model": str(record.model.identity.get("kind", "")), "model_args": _json(record.model.identity)}
    optional = {"model_dtype": record.execution.dtype, "device": record.execution.device}
    return config | {name: text for name, text in optional.items() if text}


def _metrics(run: Run) -> dict[str, Any]:
    metrics: dict[str, Any] = {"alias": run.record.task.name, "sample_len": run.record.scoring.counts.planned}
    for stat in overall_stats(run):
        metrics[f"{stat.metric},none"] = stat.value
        if stat.stderr is not None:
            metrics[f"{stat.metric}_stderr,none"] = stat.stderr
    return metrics


def _config(run: Run) -> dict[str, Any]:
    task = run.task
    source: dict[str, Any] = msgspec.to_builtins(task.source)
    path = {"dataset_path": source["path"]} if "path" in source else {}
    split = {"test_split": source["split"]} if "split" in source else {}
    return {
        "task": task.name,
        **path,
        **split,
        "output_type": "generate_until",
        "num_fewshot": 0,
        **({"generation_kwargs": _generation(run)} if run.generated else {}),
        "metadata": {"evalkit": run.record.task.spec},
    }


def _generation(run: Run) -> dict[str, Any]:
    generation = run.task.generation
    return {
        "max_gen_toks": generation.max_new_tokens,
        "temperature": generation.temperature,
        "do_sample": generation.temperature > 0,
        "until": list(generation.stop),
    }


def _sample(position: int, score: Score, run: Run) -> dict[str, Any]:
    sample, pairs = run.sample(score.sample_id), prompts_and_replies(run, score.sample_id)
    doc = {
        "id": sample.id,
        "question": sample.question,
        "choices": sample.choices,
        "answers": sample.answers,
        "groups": sample.groups,
    }
    prompts = [prompt_text(request) for request, _ in pairs]
    settings = _generation(run) if run.generated else {}
    return {
        "doc_id": position,
        "doc": doc,
        "target": score.target,
        "arguments": {f"gen_args_{n}": {"arg_0": prompt, "arg_1": settings} for n, prompt in enumerate(prompts)},
        "resps": [[response.text] for _, response in pairs],
        "filtered_resps": [score.answer or ""],
        "filter": "none",
        "metrics": ["score"],
        "score": score.value,
        "doc_hash": digest.of(doc),
        "prompt_hash": digest.of_bytes("\n".join(prompts).encode()),
        "target_hash": digest.of_bytes(score.target.encode()),
    }


def _json(value: Any, *, indent: int = 0) -> str:
    data = msgspec.json.encode(value)
    return (msgspec.json.format(data, indent=indent) if indent else data).decode()
