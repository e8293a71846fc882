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
from evalkit.filenames import distinct
from evalkit.interop.write.publication import Publication, by_model, overall, plain, replied, save, timed
from evalkit.results.run import Run
from evalkit.run.record import RunRecord
from evalkit.types import Score


def write(results: Sequence[Run], publication: Publication) -> list[Path]:
    """One folder per model. Raises EvalkitError where a run's data cannot be read again."""
    files: list[Path] = []
    for model, runs in by_model(results).items():
        folder = publication.out / distinct(model)
        date = max(run.record.execution.started for run in runs).partition("+")[0].replace(":", "-") or "undated"
        files.append(save(folder / f"results_{date}.json", _text(_results(runs), indent=2)))
        for run in runs:
            lines = _samples(run)
            files.append(save(folder / f"samples_{distinct(run.record.task.name)}_{date}.jsonl", "".join(lines)))
    return files


def _results(runs: Sequence[Run]) -> dict[str, Any]:
    tasks = {result.record.task.name: (result, result.task) for result in runs}
    first = runs[0].record
    started = [result.record.execution.started for result in runs if result.record.execution.started]
    seconds = sum(result.record.execution.seconds for result in runs)
    return {
        "results": {name: _metrics(result) for name, (result, _) in tasks.items()},
        "configs": {name: _config(result) for name, (result, _) in tasks.items()},
        "n-shot": dict.fromkeys(tasks, 0),
        "higher_is_better": {
            name: {metric: {1: True, -1: False}.get(spec.better) for metric, spec in task.metrics.items()}
            for name, (_, task) in tasks.items()
        },
        "n-samples": {
            name: {"original": result.record.scoring.counts.samples, "effective": result.record.scoring.counts.planned}
            for name, (result, _) in tasks.items()
        },
        "config": _asked(first),
        "git_hash": first.execution.git_commit or None,
        **({"date": datetime.fromisoformat(min(started)).timestamp()} if started else {}),
        **(
            {"transformers_version": first.execution.versions["transformers"]}
            if "transformers" in first.execution.versions
            else {}
        ),
        "task_hashes": {name: result.record.task.digest for name, (result, _) in tasks.items()},
        "model_name": first.model.name,
        "model_name_sanitized": distinct(first.model.name),
        **({"total_evaluation_time_seconds": str(round(seconds, 3))} if all(map(timed, runs)) else {}),
    }


def _asked(run: RunRecord) -> dict[str, str]:
    known = {"model_dtype": run.execution.dtype, "device": run.execution.device}
    told = {"model": str(run.model.identity.get("kind", "")), "model_args": _text(run.model.identity)}
    return told | {name: text for name, text in known.items() if text}


def _metrics(result: Run) -> dict[str, Any]:
    found: dict[str, Any] = {"alias": result.record.task.name, "sample_len": result.record.scoring.counts.planned}
    for stat in overall(result):
        found[f"{stat.metric},none"] = stat.value
        if stat.stderr is not None:
            found[f"{stat.metric}_stderr,none"] = stat.stderr
    return found


def _config(result: Run) -> dict[str, Any]:
    task = result.task
    source: dict[str, Any] = msgspec.to_builtins(task.source)
    path = {"dataset_path": source["path"]} if "path" in source else {}
    split = {"test_split": source["split"]} if "split" in source else {}
    return {
        "task": task.name,
        **path,
        **split,
        "output_type": "generate_until",
        "num_fewshot": 0,
        **({"generation_kwargs": _generation(result)} if result.generated else {}),
        "metadata": {"evalkit": result.record.task.spec},
    }


def _generation(result: Run) -> dict[str, Any]:
    generation = result.task.generation
    return {
        "max_gen_toks": generation.max_new_tokens,
        "temperature": generation.temperature,
        "do_sample": generation.temperature > 0,
        "until": list(generation.stop),
    }


def _samples(found: Run) -> list[str]:
    samples = found.samples
    return [_text(_sample(n, score, found, samples[score.sample_id])) + "\n" for n, score in enumerate(found.scores)]


def _sample(position: int, score: Score, found: Run, sample: Any) -> dict[str, Any]:
    asked = replied(found, score.sample_id)
    doc = {
        "id": sample.id,
        "question": sample.question,
        "choices": sample.choices,
        "answers": sample.answers,
        "groups": sample.groups,
    }
    prompts = [plain(request) for request, _ in asked]
    settings = _generation(found) if found.generated else {}
    return {
        "doc_id": position,
        "doc": doc,
        "target": score.target,
        "arguments": {f"gen_args_{n}": {"arg_0": prompt, "arg_1": settings} for n, prompt in enumerate(prompts)},
        "resps": [[response.text] for _, response in asked],
        "filtered_resps": [score.answer or ""],
        "filter": "none",
        "metrics": ["score"],
        "score": score.value,
        "doc_hash": digest.of(doc),
        "prompt_hash": digest.of_bytes("\n".join(prompts).encode()),
        "target_hash": digest.of_bytes(score.target.encode()),
    }


def _text(value: Any, *, indent: int = 0) -> str:
    data = msgspec.json.encode(value)
    return (msgspec.json.format(data, indent=indent) if indent else data).decode()
