"""`evalkit run`: every model on every task, then the numbers as a table."""

from __future__ import annotations

import argparse

from evalkit.api.evaluation import EvaluationSettings, Failure, judge_model, run_models
from evalkit.api.inputs import TaskFile, adapted_model, card_spec, evaluated_model, task_files
from evalkit.cli.printing import print_card, print_problems, print_summary
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.spec import CardSpec
from evalkit.results.run import Run
from evalkit.run.judge import Judge
from evalkit.run.progress import TerminalProgress
from evalkit.run.torchrun import Launch

DEFAULT_MODEL = "pocket-vlm"
DEFAULT_SUITE = "mini"


def main(options: argparse.Namespace) -> int:
    """Exit code 0 when every run is done, otherwise that of the first failure; later tasks run all the same.

    Of several ranks the first one scores and prints.
    """
    tasks, card = _tasks(options)
    progress = TerminalProgress(quiet=options.quiet or options.rank > 0, colour=options.colour)
    if options.alone:
        progress.say(f"evalkit: {options.alone}")
    settings = EvaluationSettings(
        out=options.out,
        cache=options.cache,
        progress=progress,
        data=tuple(options.data),
        offline=options.offline,
        limit=options.limit,
        annotations=options.annotations,
        judge=None if options.rank else judge_of(options),
        device=options.device,
        executor=options.executor,
        actors=options.actors,
        launch=Launch(options.ranks, options.rank, options.local_rank, options.attempt),
        argv=options.argv,
    )
    names = options.model or [DEFAULT_MODEL]
    if options.name and len(names) > 1:
        raise EvalkitError("--name is the name of one model; name exactly one --model")
    models = [evaluated_model(name, name=options.name) for name in names]
    scheduling = {"batch": options.batch, "workers": options.workers, "share_prefix": options.share_prefix}
    models = [model._replace(spec=adapted_model(model.spec, blind=options.blind, **scheduling)) for model in models]
    runs, codes = [], []
    for result in run_models(models, tasks, settings):
        codes.append(result.error.code if isinstance(result, Failure) else print_problems(result))
        runs += [result] if isinstance(result, Run) else []
    if not options.rank:
        print_summary(runs)
        if card is not None and runs:
            print_card(card, runs, language=options.lang)
    return next((code for code in codes if code), 0)


def judge_of(options: argparse.Namespace) -> Judge | None:
    """The model that `--judge` names."""
    if not options.judge:
        return None
    return judge_model(options.judge, device=options.device, cache=options.cache, everything=options.judge_all)


def _tasks(options: argparse.Namespace) -> tuple[list[TaskFile], CardSpec | None]:
    """The tasks asked for, and the card that prints them."""
    card = card_spec(options.card) if options.card else None
    suite = options.suite or ("" if options.task or card else DEFAULT_SUITE)
    tasks = task_files(options.task, card=card, suite=suite)
    if card is None and suite in load.files(CardSpec):
        card = card_spec(suite)
    return tasks, card
