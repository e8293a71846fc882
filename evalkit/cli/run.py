"""`evalkit run`: every model on every task, then the numbers as a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import TypeAlias

import msgspec

from evalkit.cli.printing import print_card, print_summary
from evalkit.cli.setup import beside, places
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.spec import CardSpec, ModelSpec, TaskSpec
from evalkit.run import runner, torchrun
from evalkit.run.judge import Judge
from evalkit.run.outcome import Outcome
from evalkit.run.progress import Progress
from evalkit.run.ray import Pool
from evalkit.run.runner import Settings
from evalkit.run.session import Session
from evalkit.run.torchrun import Crew, Report
from evalkit.safe_text import LONGEST, one_line, printable

DEFAULT_MODEL = "pocket-vlm"
DEFAULT_SUITE = "mini"
Step: TypeAlias = Callable[[], Outcome]
Pair: TypeAlias = tuple[TaskSpec, Settings]


def main(options: argparse.Namespace) -> int:
    """Exit code 0 when every run is done, otherwise that of the first failure; later tasks run all the same.

    Of several ranks the first one scores, prints and tells.
    """
    _check(options)
    crew = None
    if options.ranks > 1:
        options.device = torchrun.device_of(options.local_rank, asked=options.device)
        crew = torchrun.join(attempt=options.attempt)
    names, card = _tasks(options)
    tasks = [(name, load.spec(TaskSpec, name)) for name in names]
    models = [_model(name, options) for name in options.model or [DEFAULT_MODEL]]
    progress = Progress(quiet=options.quiet or options.rank > 0, colour=options.colour)
    if options.alone:
        progress.say(f"evalkit: {options.alone}")
    judge = None if options.rank else judge_of(options)
    outcomes: list[Outcome] = []
    codes: list[int] = []
    for number, model in enumerate(models):
        session = Session(model, device=options.device, cache=options.cache)
        pairs = [(task, _settings(options, name, progress=progress, judge=judge)) for name, task in tasks]
        codes += _codes(session, pairs, options, crew=crew, first=number * len(tasks), outcomes=outcomes)
    if not options.rank:
        _print(outcomes, card, options)
    return next((code for code in codes if code), 0)


def _codes(
    session: Session,
    pairs: Sequence[Pair],
    options: argparse.Namespace,
    *,
    crew: Crew | None,
    first: int,
    outcomes: list[Outcome],
) -> list[int]:
    """Run every task on one model; the exit code of each, none on other ranks than the first."""
    with closing(Pool(actors=options.actors)) as pool:
        if crew is None:
            execute = pool if options.executor == "ray" else None
            steps: list[Step] = [partial(runner.run, session, *pair, execute=execute) for pair in pairs]
        else:
            steps = _shared(session, pairs, crew, first=first)
        todo = zip(steps, pairs, strict=not options.rank)
        return [_one(f"{session.model.name} on {task.name}", step, outcomes) for step, (task, _) in todo]


def _print(outcomes: list[Outcome], card: CardSpec | None, options: argparse.Namespace) -> None:
    print_summary(outcomes)
    if card is not None and outcomes:
        print_card(card, [o.folder for o in outcomes], language=options.lang)


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be meant."""
    if options.executor != "ray":
        if options.actors:
            raise EvalkitError("--actors counts the workers of --executor ray; add that or leave --actors away")
        return
    if options.ranks > 1:
        raise EvalkitError(
            "--executor ray starts workers of its own; call it once, without torchrun or accelerate launch"
        )
    if options.judge:
        raise EvalkitError("--executor ray has no worker for a judge; run without, then `evalkit score --judge MODEL`")
    if ":" in options.device:
        raise EvalkitError(f"--device {options.device} names one device of one machine; ray gives each worker its own")


def _settings(options: argparse.Namespace, name: str, *, progress: Progress, judge: Judge | None) -> Settings:
    return Settings(
        out=options.out,
        places=beside(places(options), name),
        progress=progress,
        limit=options.limit,
        argv=options.argv,
        annotations=options.annotations,
        judge=judge,
    )


def _shared(session: Session, pairs: Sequence[Pair], crew: Crew, *, first: int) -> list[Step]:
    """Ask this rank's part of every task; what brings them to their ends returns, on the first rank only.

    What stops the preparation of a task stops it on every rank, and the first one tells.
    """
    steps: list[Step] = []
    for number, (task, settings) in enumerate(pairs, start=first):
        try:
            ready = runner.prepare(session, task, settings)
        except EvalkitError as error:
            crew.report(number, Report())
            steps.append(partial(_fail, error))
            continue
        left = torchrun.share(
            session, ready.planned, ready.todo, ready.place, crew=crew, task=number, progress=settings.progress
        )
        steps.append(partial(runner.gather, session, ready, left, crew=crew, number=number))
    return [] if crew.rank else steps


def _fail(error: EvalkitError) -> Outcome:
    raise error


def _one(name: str, step: Step, outcomes: list[Outcome]) -> int:
    """Run one task; a failure is one sentence on stderr and never takes the other tasks with it."""
    try:
        outcome = step()
    except EvalkitError as error:
        print(f"evalkit: {one_line(f'{name}: {error}', LONGEST)}", file=sys.stderr, flush=True)
        return error.code
    outcomes.append(outcome)
    return tell_problems(outcome)


def judge_of(options: argparse.Namespace) -> Judge | None:
    """The model that `--judge` names; it loads when a reply needs it."""
    if not options.judge:
        return None
    session = Session(load.model(options.judge), device=options.device, cache=options.cache)
    return Judge(
        name=session.model.name,
        identity=session.identity,
        everything=options.judge_all,
        model=session.model,
        engine=session.engine,
    )


def tell_problems(outcome: Outcome) -> int:
    """List the samples without a score on stderr. Exit code 4 if there are any."""
    problems = outcome.record.scoring.problems
    for sample, reason in list(problems.items())[:20]:
        print(printable(f"evalkit: {outcome.record.task.name}: sample {sample}: {reason}"), file=sys.stderr)
    if len(problems) > 20:
        print(f"evalkit: ... and {len(problems) - 20} more, see {outcome.folder}/run.json", file=sys.stderr)
    return 4 if problems else 0


def _tasks(options: argparse.Namespace) -> tuple[list[str], CardSpec | None]:
    names: list[str] = list(options.task)
    card = load.spec(CardSpec, options.card) if options.card else None
    if card is not None:
        names += load.tasks_of(card)
    suite = options.suite or ("" if names else DEFAULT_SUITE)
    if suite:
        names += load.suite(suite)
        if card is None and suite in load.files(CardSpec):
            card = load.spec(CardSpec, suite)
    if options.annotations and len(names) != 1:
        raise EvalkitError("--annotations replaces the data file of one task; name exactly one --task")
    return list(dict.fromkeys(names)), card


def _model(name: str, options: argparse.Namespace) -> ModelSpec:
    model = load.model(name)
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
