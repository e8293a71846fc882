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
from evalkit.data.sources import Places
from evalkit.filenames import distinct
from evalkit.interop.write.publication import Publication, by_model, overall, plain, replied, save, timed
from evalkit.results.read import Result
from evalkit.results.trace import Known, Trace, task_of, trace
from evalkit.run.record import RunRecord
from evalkit.types import Score


def write(results: Sequence[Result], publication: Publication, places: Places) -> list[Path]:
    """One folder per model. Raises EvalkitError where a run's data cannot be read again."""
    files: list[Path] = []
    known: Known = {}
    for model, runs in by_model(results).items():
        folder = publication.out / distinct(model)
        date = max(run.run.started for run in runs).partition("+")[0].replace(":", "-") or "undated"
        files.append(save(folder / f"results_{date}.json", _text(_results(runs), indent=2)))
        for run in runs:
            lines = _samples(trace(run, places, known))
            files.append(save(folder / f"samples_{distinct(run.run.task)}_{date}.jsonl", "".join(lines)))
    return files


def _results(runs: Sequence[Result]) -> dict[str, Any]:
    tasks = {result.run.task: (result, task_of(result)) for result in runs}
    first = runs[0].run
    started = [result.run.started for result in runs if result.run.started]
    seconds = sum(result.run.seconds for result in runs)
    return {
        "results": {name: _metrics(result) for name, (result, _) in tasks.items()},
        "configs": {name: _config(result) for name, (result, _) in tasks.items()},
        "n-shot": dict.fromkeys(tasks, 0),
        "higher_is_better": {
            name: {metric: {1: True, -1: False}.get(spec.better) for metric, spec in task.metrics.items()}
            for name, (_, task) in tasks.items()
        },
        "n-samples": {
            name: {"original": result.run.counts.samples, "effective": result.run.counts.planned}
            for name, (result, _) in tasks.items()
        },
        "config": _asked(first),
        "git_hash": first.git_commit or None,
        **({"date": datetime.fromisoformat(min(started)).timestamp()} if started else {}),
        **({"transformers_version": first.versions["transformers"]} if "transformers" in first.versions else {}),
        "task_hashes": {name: result.run.task_digest for name, (result, _) in tasks.items()},
        "model_name": first.model,
        "model_name_sanitized": distinct(first.model),
        **({"total_evaluation_time_seconds": str(round(seconds, 3))} if all(map(timed, runs)) else {}),
    }


def _asked(run: RunRecord) -> dict[str, str]:
    known = {"model_dtype": run.dtype, "device": run.device}
    told = {"model": str(run.identity.get("kind", "")), "model_args": _text(run.identity)}
    return told | {name: text for name, text in known.items() if text}


def _metrics(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {"alias": result.run.task, "sample_len": result.run.counts.planned}
    for stat in overall(result):
        found[f"{stat.metric},none"] = stat.value
        if stat.stderr is not None:
            found[f"{stat.metric}_stderr,none"] = stat.stderr
    return found


def _config(result: Result) -> dict[str, Any]:
    task = task_of(result)
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
        "metadata": {"evalkit": result.run.task_spec},
    }


def _generation(result: Result) -> dict[str, Any]:
    generation = task_of(result).generation
    return {
        "max_gen_toks": generation.max_new_tokens,
        "temperature": generation.temperature,
        "do_sample": generation.temperature > 0,
        "until": list(generation.stop),
    }


def _samples(found: Trace) -> list[str]:
    samples = found.samples
    return [_text(_sample(n, score, found, samples[score.sample_id])) + "\n" for n, score in enumerate(found.scores)]


def _sample(position: int, score: Score, found: Trace, sample: Any) -> dict[str, Any]:
    asked = replied(found, score.sample_id)
    doc = {
        "id": sample.id,
        "question": sample.question,
        "choices": sample.choices,
        "answers": sample.answers,
        "groups": sample.groups,
    }
    prompts = [plain(request) for request, _ in asked]
    settings = _generation(found.result) if found.result.generated else {}
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
