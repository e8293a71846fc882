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
from evalkit.filenames import distinct
from evalkit.interop.write.publication import Publication, digests, hub, only, overall, save, timed
from evalkit.results.run import Run
from evalkit.types import Message, Part, Score, Text, Video

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every member, so that equal runs give equal files."""


def write(results: Sequence[Run], publication: Publication) -> list[Path]:
    """`<model>/<started>_<task>.eval`. Raises EvalkitError where a run's data or replies cannot be read again."""
    files = []
    for result in results:
        run = result.record
        started = run.execution.started.partition("+")[0].replace(":", "-") or "undated"
        name = f"{started}_{distinct(run.task.name)}.eval"
        files.append(save(publication.out / distinct(run.model.name) / name, log(result)))
    return files


def log(found: Run) -> bytes:
    """The log's bytes."""
    out = io.BytesIO()
    samples = list(_samples(found))
    header = {
        "version": 2,
        "status": "success",
        "eval": _spec(found),
        "plan": {"name": "plan", "steps": [], "config": _generation(found)},
        "results": _results(found),
        "stats": _times(found),
    }
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "_journal/start.json", {name: header[name] for name in ("version", "eval", "plan")})
        for sample in samples:
            _add(archive, f"samples/{_member(sample['id'])}_epoch_1.json", sample)
        _add(archive, "summaries.json", [_summary(sample) for sample in samples])
        _add(archive, "header.json", header)
    return out.getvalue()


def _member(sample_id: str) -> str:
    """The id as Inspect looks for it; one that could leave a folder is quoted, and found by reading the whole log."""
    return quote(sample_id, safe="") if "/" in sample_id or "\\" in sample_id else sample_id


def _add(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    info = zipfile.ZipInfo(name, EPOCH)
    archive.writestr(info, msgspec.json.encode(value), zipfile.ZIP_DEFLATED)


def _spec(found: Run) -> dict[str, Any]:
    run, source = found.record, hub(found.task)
    return {
        "eval_id": digest.of([run.task.digest, run.model.digest, run.data.digest])[:22],
        "created": run.execution.started,
        "task": run.task.name,
        "task_id": run.task.digest[:22],
        "task_display_name": found.task.title.en,
        "dataset": {
            "name": source.path if source else run.task.name,
            "samples": run.scoring.counts.samples,
            "sample_ids": [score.sample_id for score in found.scores],
            "shuffled": False,
        },
        "model": run.model.name,
        "model_generate_config": _generation(found),
        "model_args": run.model.identity,
        "config": {"epochs": 1},
        "packages": run.execution.versions,
        "metadata": {
            **digests(run),
            "code": run.execution.git_commit,
            "rule": run.scoring.rule,
            "command": list(run.execution.argv),
        },
    }


def _generation(found: Run) -> dict[str, Any]:
    if not found.generated:
        return {}
    generation = found.task.generation
    seed = {"seed": generation.seed} if generation.temperature else {}
    stop = {"stop_seqs": list(generation.stop)} if generation.stop else {}
    return {"max_tokens": generation.max_new_tokens, "temperature": generation.temperature, **seed, **stop}


def _results(found: Run) -> dict[str, Any]:
    counts = found.record.scoring.counts
    metrics = {
        stat.metric: {
            "name": stat.metric,
            "value": stat.value,
            "metadata": {"stderr": stat.stderr, "low": stat.low, "high": stat.high, "n": stat.n, "method": stat.method},
        }
        for stat in overall(found)
    }
    score = {"name": "evalkit", "scorer": _rule(found), "metrics": metrics}
    return {"total_samples": counts.planned, "completed_samples": counts.answered, "scores": [score]}


def _rule(found: Run) -> str:
    return str(found.task.adapter.rule.__struct_config__.tag)


def _times(result: Run) -> dict[str, str]:
    run = result.record
    if not timed(result):
        return {}
    ended = datetime.fromisoformat(run.execution.started) + timedelta(seconds=run.execution.seconds)
    return {"started_at": run.execution.started, "completed_at": ended.isoformat(timespec="seconds")}


def _samples(found: Run) -> Iterator[dict[str, Any]]:
    samples = found.samples
    for score in found.scores:
        request, response = only(found, score.sample_id)
        sample = samples[score.sample_id]
        reply = {"role": "assistant", "content": response.text, "source": "generate"}
        stop = {"stop": "stop", "length": "max_tokens"}.get(response.finish, "unknown")
        asked = [_message(message) for message in request.messages]
        yield {
            "id": score.sample_id,
            "epoch": 1,
            "input": asked,
            "choices": list(sample.choices) or None,
            "target": list(sample.answers) if len(sample.answers) > 1 else score.target,
            "messages": [*asked, reply],
            "output": {
                "model": found.record.model.name,
                "choices": [{"message": reply, "stop_reason": stop}],
                "metadata": {"key": request.key, "tokens": response.tokens, "seconds": response.seconds},
            },
            "scores": {"evalkit": _score(score)},
            "metadata": dict(sample.groups),
        }


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": [{"type": "text", "text": _text(part)} for part in message.parts]}


def _text(part: Part) -> str:
    """The text; a picture or video is named by its content, since the log holds no media."""
    if isinstance(part, Text):
        return part.text
    return f"[{'video' if isinstance(part, Video) else 'picture'} sha256:{part.digest}]"


def _score(score: Score) -> dict[str, Any]:
    return {"value": score.value, "answer": score.answer}


def _summary(sample: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "epoch", "input", "choices", "target", "metadata", "scores")
    return {**{name: sample[name] for name in kept}, "completed": True}
