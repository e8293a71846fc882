"""Inspect's `.eval` log: a zip of header.json, summaries.json and a file per sample (inspect_ai.log, version 2)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from evalkit import digest
from evalkit.filenames import unique_name
from evalkit.interop.write.publication import (
    Publication,
    has_full_timing,
    hub_dataset,
    overall_stats,
    run_digests,
    single_reply,
    write_file,
)
from evalkit.results.run import Run
from evalkit.types import Message, Part, Text, Video

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The modification time of every file in the archive, so that equal runs give equal archives."""


def write_inspect(runs: Sequence[Run], publication: Publication) -> list[Path]:
    """`<model>/<started>_<task>.eval`. Raises EvalkitError where a run's data or replies cannot be read again."""
    files = []
    for run in runs:
        record = run.record
        started = record.execution.started.partition("+")[0].replace(":", "-") or "undated"
        name = f"{started}_{unique_name(record.task.name)}.eval"
        files.append(write_file(publication.out / unique_name(record.model.name) / name, inspect_log(run)))
    return files


def inspect_log(run: Run) -> bytes:
    """The bytes of the log."""
    out = io.BytesIO()
    samples = list(_samples(run))
    header = {
        "version": 2,
        "status": "success",
        "eval": _spec(run),
        "plan": {"name": "plan", "steps": [], "config": _generation(run)},
        "results": _results(run),
        "stats": _times(run),
    }
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "_journal/start.json", {name: header[name] for name in ("version", "eval", "plan")})
        for sample in samples:
            _add(archive, f"samples/{_member(sample['id'])}_epoch_1.json", sample)
        _add(archive, "summaries.json", [_summary(sample) for sample in samples])
        _add(archive, "header.json", header)
    return out.getvalue()


def _member(sample_id: str) -> str:
    """The id in a file's name, as Inspect looks it up; quoted if it has a slash; Inspect then reads the whole log."""
    return quote(sample_id, safe="") if "/" in sample_id or "\\" in sample_id else sample_id


def _add(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    info = zipfile.ZipInfo(name, ZIP_TIME)
    archive.writestr(info, msgspec.json.encode(value), zipfile.ZIP_DEFLATED)


def _spec(run: Run) -> dict[str, Any]:
    record, source = run.record, hub_dataset(run.task)
    return {
        "eval_id": digest.of([record.task.digest, record.model.digest, record.data.digest])[:22],
        "created": record.execution.started,
        "task": record.task.name,
        "task_id": record.task.digest[:22],
        "task_display_name": run.task.title.en,
        "dataset": {
            "name": source.path if source else record.task.name,
            "samples": record.scoring.counts.samples,
            "sample_ids": [score.sample_id for score in run.scores],
            "shuffled": False,
        },
        "model": record.model.name,
        "model_generate_config": _generation(run),
        "model_args": record.model.identity,
        "config": {"epochs": 1},
        "packages": record.execution.versions,
        "metadata": {
            **run_digests(record),
            "code": record.execution.git_commit,
            "rule": record.scoring.rule,
            "command": list(record.execution.argv),
        },
    }


def _generation(run: Run) -> dict[str, Any]:
    if not run.generated:
        return {}
    generation = run.task.generation
    seed = {"seed": generation.seed} if generation.temperature else {}
    stop = {"stop_seqs": list(generation.stop)} if generation.stop else {}
    return {"max_tokens": generation.max_new_tokens, "temperature": generation.temperature, **seed, **stop}


def _results(run: Run) -> dict[str, Any]:
    counts = run.record.scoring.counts
    metrics = {
        stat.metric: {
            "name": stat.metric,
            "value": stat.value,
            "metadata": {"stderr": stat.stderr, "low": stat.low, "high": stat.high, "n": stat.n, "method": stat.method},
        }
        for stat in overall_stats(run)
    }
    score = {"name": "evalkit", "scorer": str(run.task.adapter.rule.__struct_config__.tag), "metrics": metrics}
    return {"total_samples": counts.planned, "completed_samples": counts.answered, "scores": [score]}


def _times(run: Run) -> dict[str, str]:
    if not has_full_timing(run):
        return {}
    execution = run.record.execution
    ended = datetime.fromisoformat(execution.started) + timedelta(seconds=execution.seconds)
    return {"started_at": execution.started, "completed_at": ended.isoformat(timespec="seconds")}


def _samples(run: Run) -> Iterator[dict[str, Any]]:
    for score in run.scores:
        request, response = single_reply(run, score.sample_id)
        sample = run.sample(score.sample_id)
        reply = {"role": "assistant", "content": response.text, "source": "generate"}
        stop = {"stop": "stop", "length": "max_tokens"}.get(response.finish, "unknown")
        prompt = [_message(message) for message in request.messages]
        yield {
            "id": score.sample_id,
            "epoch": 1,
            "input": prompt,
            "choices": list(sample.choices) or None,
            "target": list(sample.answers) if len(sample.answers) > 1 else score.target,
            "messages": [*prompt, reply],
            "output": {
                "model": run.record.model.name,
                "choices": [{"message": reply, "stop_reason": stop}],
                "metadata": {"key": request.key, "tokens": response.tokens, "seconds": response.seconds},
            },
            "scores": {"evalkit": {"value": score.value, "answer": score.answer}},
            "metadata": dict(sample.groups),
        }


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": [{"type": "text", "text": _text(part)} for part in message.parts]}


def _text(part: Part) -> str:
    """The text; a picture or video is named by its content, since the log contains no media."""
    if isinstance(part, Text):
        return part.text
    return f"[{'video' if isinstance(part, Video) else 'picture'} sha256:{part.digest}]"


def _summary(sample: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "epoch", "input", "choices", "target", "metadata", "scores")
    return {**{name: sample[name] for name in names}, "completed": True}
