"""`evalkit run`: every model on every task, then the numbers as a table."""

from __future__ import annotations

import argparse
import sys

import msgspec

from evalkit import registry, runner
from evalkit.execute.progress import Progress
from evalkit.judge import Judge
from evalkit.runner import Outcome, Settings
from evalkit.session import Session
from evalkit.spec import CardSpec, ModelSpec, TaskSpec
from evalkit.types import EvalkitError
from evalkit.verbs.setup import beside, places
from evalkit.verbs.tables import print_card, print_summary

DEFAULT_MODEL = "pocket-vlm"
DEFAULT_SUITE = "mini"


def main(options: argparse.Namespace) -> int:
    """Exit code 0 when every run is done, otherwise that of the first failure; later tasks run all the same."""
    names, card = _tasks(options)
    tasks = [(name, registry.load(TaskSpec, name)) for name in names]
    models = [_model(name, options) for name in options.model or [DEFAULT_MODEL]]
    progress = Progress(quiet=options.quiet, colour=options.colour)
    judge = judge_of(options)
    outcomes: list[Outcome] = []
    codes: list[int] = []
    for model in models:
        session = Session(model, device=options.device, cache=options.cache)
        for name, task in tasks:
            code = _one(session, (name, task), options, progress=progress, outcomes=outcomes, judge=judge)
            codes.append(code)
    print_summary(outcomes)
    if card is not None and outcomes:
        print_card(card, [o.folder for o in outcomes], language=options.lang)
    return next((code for code in codes if code), 0)


def _one(
    session: Session,
    named: tuple[str, TaskSpec],
    options: argparse.Namespace,
    *,
    progress: Progress,
    outcomes: list[Outcome],
    judge: Judge | None,
) -> int:
    """Run one task; a failure is one sentence on stderr and never takes the other tasks with it."""
    name, task = named
    settings = Settings(
        out=options.out,
        places=beside(places(options), name),
        progress=progress,
        limit=options.limit,
        argv=options.argv,
        annotations=options.annotations,
        judge=judge,
    )
    try:
        outcome = runner.run(session, task, settings)
    except EvalkitError as error:
        print(f"evalkit: {session.model.name} on {task.name}: {error}", file=sys.stderr, flush=True)
        return error.code
    outcomes.append(outcome)
    return tell_problems(outcome)


def judge_of(options: argparse.Namespace) -> Judge | None:
    """The model that `--judge` names; it loads when a reply needs it."""
    if not options.judge:
        return None
    session = Session(registry.model(options.judge), device=options.device, cache=options.cache)
    return Judge(
        name=session.model.name,
        identity=session.identity,
        everything=options.judge_all,
        model=session.model,
        engine=session.engine,
    )


def tell_problems(outcome: Outcome) -> int:
    """List the samples without a score on stderr. Exit code 4 if there are any."""
    problems = outcome.record.problems
    for sample, reason in list(problems.items())[:20]:
        print(f"evalkit: {outcome.record.task}: sample {sample}: {reason}", file=sys.stderr)
    if len(problems) > 20:
        print(f"evalkit: ... and {len(problems) - 20} more, see {outcome.folder}/run.json", file=sys.stderr)
    return 4 if problems else 0


def _tasks(options: argparse.Namespace) -> tuple[list[str], CardSpec | None]:
    names: list[str] = list(options.task)
    card = registry.load(CardSpec, options.card) if options.card else None
    if card is not None:
        names += registry.tasks_of(card)
    suite = options.suite or ("" if names else DEFAULT_SUITE)
    if suite:
        names += registry.suite(suite)
        if card is None and suite in registry.files(CardSpec):
            card = registry.load(CardSpec, suite)
    if options.annotations and len(names) != 1:
        raise EvalkitError("--annotations replaces the data file of one task; name exactly one --task")
    return list(dict.fromkeys(names)), card


def _model(name: str, options: argparse.Namespace) -> ModelSpec:
    model = registry.model(name)
    if options.blind and not model.blind:
        model = msgspec.structs.replace(
            model, name=f"{model.name}+blind", title=f"{model.title or model.name} (blind)", blind=True
        )
    if options.batch:
        model = msgspec.structs.replace(model, batch=msgspec.structs.replace(model.batch, count=options.batch))
    if options.workers:
        model = msgspec.structs.replace(model, workers=options.workers)
    if options.share_prefix:
        model = msgspec.structs.replace(model, share_prefix=options.share_prefix)
    return model
