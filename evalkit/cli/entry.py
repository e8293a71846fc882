"""The command line: reads the environment, calls a verb, turns every failure into one sentence and an exit code.

Exit codes: 0 done or gate passed, 1 gate failed, 2 usage or bad YAML, 3 not comparable, 4 incomplete or invalid,
5 inconclusive (when asked to fail on it), 70 internal error (a defect of evalkit), 75 resumable failure, 130
interrupted. EVALKIT_DEBUG=1 prints the traceback of any failure before its sentence.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path

from evalkit import text_files
from evalkit.cli.arguments import parser, repeat_allow
from evalkit.errors import EvalkitError, InternalError, ResumableError
from evalkit.safe_text import LONGEST, one_line

TRANSIENT = text_files.DISK_ERRORS | {errno.EMFILE, errno.ENFILE}
"""Errors of the machine rather than of a path that the user named."""
REMEDIES = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room in your quota",
    errno.EIO: "check the disk",
    errno.EROFS: "name a folder that can be written",
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a file stands where a folder should be; move it away or name another folder",
    errno.EEXIST: "a file stands where a folder should be; move it away or name another folder",
    errno.EISDIR: "a folder stands where a file should be; move it away or name another file",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ELOOP: "its links point at each other; name another path",
    errno.EMFILE: "allow more open files (`ulimit -n`)",
    errno.ENFILE: "close other programs, too many files are open on this machine",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Data go to stdout, sentences to stderr."""
    _open_streams()
    arguments = sys.argv[1:] if argv is None else list(argv)
    options = parser().parse_args(list(repeat_allow(arguments)))
    options.argv = ("evalkit", *arguments)
    options.rank = 0
    try:
        return _run(options)
    except KeyboardInterrupt:
        if not options.rank:
            _print_error("interrupted; the same command continues where it stopped")
        return 130
    except BrokenPipeError:  # the reader of stdout, such as `head`, has seen enough
        _discard_output()
        return 0
    except Exception as error:  # noqa: BLE001 (a traceback is a defect, whatever was typed)
        return _failed(error, options)


def run_eval() -> int:
    """`run_eval.py`: the same as `evalkit run`."""
    return main(["run", *sys.argv[1:]])


def _open_streams() -> None:
    """Open stdin, stdout and stderr where the caller closed them; characters that they cannot encode are escaped.

    A closed one would be None, and the first file opened would get its descriptor, into which a library prints.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (as long as the process)
        elif mode == "w" and isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(options: argparse.Namespace) -> int:
    _environment(options)
    _launch(options)
    verb = import_module(f"evalkit.cli.{options.verb}")
    if options.ranks > 1 and options.verb != "run":
        raise EvalkitError(f"`evalkit {options.verb}` is the work of one process; call it without a launcher")
    code = int(verb.main(options))
    sys.stdout.flush()  # a full disk behind a redirection shows here rather than after the exit code is settled
    return code


def _failed(error: Exception, options: argparse.Namespace) -> int:
    """Print the failure as a sentence and return its exit code."""
    if os.environ.get("EVALKIT_DEBUG") == "1":
        with suppress(OSError):
            traceback.print_exception(error)
    failure = _failure(error, options)
    _print_error(str(failure))
    _discard_output()
    return failure.code


def _failure(error: Exception, options: argparse.Namespace) -> EvalkitError:
    """The error as one of evalkit's own, which has an exit code."""
    if isinstance(error, EvalkitError):
        return error
    if isinstance(error, MemoryError):
        return ResumableError("memory ran out; give --batch or --workers a smaller number and repeat the command")
    if isinstance(error, ImportError) and not (error.name or "evalkit").startswith("evalkit"):
        return EvalkitError(f"{error.name} cannot be imported ({error}); install it, or look at `evalkit doctor`")
    if isinstance(error, OSError) and error.errno is not None:
        return _system_error(error, options)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return InternalError(f"internal error: {one_line(text, 500)} (report it; EVALKIT_DEBUG=1 shows the traceback)")


def _system_error(error: OSError, options: argparse.Namespace) -> EvalkitError:
    """An error of the operating system: 75 for the results, the cache or a broken disk, 2 for a file of the user's."""
    reason = error.strerror or type(error).__name__
    name = error.filename2 or error.filename
    path = Path(os.fsdecode(name)) if isinstance(name, str | bytes) else None
    remedy = REMEDIES.get(error.errno or 0, "look at it")
    if path is None:
        return ResumableError(f"reading or writing failed ({reason}); {remedy} and repeat the command")
    own = any(path.absolute().is_relative_to(folder.absolute()) for folder in _output_folders(options))
    if own or error.errno in TRANSIENT:
        return ResumableError(f"{path}: {reason}; {remedy} and repeat the command")
    return EvalkitError(f"{path}: {reason}; {remedy}")


def _output_folders(options: argparse.Namespace) -> Iterator[Path]:
    """The folders that evalkit writes: those of results and cache, and that of an export or a site."""
    for value in (getattr(options, "out", None), getattr(options, "cache", None), *getattr(options, "results", ())):
        if isinstance(value, Path):
            yield value


def _print_error(sentence: str) -> None:
    with suppress(OSError):  # stderr may be closed, and there is no other way to report it
        print(f"evalkit: {one_line(sentence, LONGEST)}", file=sys.stderr, flush=True)


def _discard_output() -> None:
    """Point stdout and stderr at the null device if they cannot be written, so that Python's last flush succeeds."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):  # a stream without a descriptor, of a program that called `main`, has no last flush
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _environment(options: argparse.Namespace) -> None:
    """Read the environment variables; no module below the command line reads one."""
    options.cache = _cache()
    options.offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    options.colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    options.actions = os.environ.get("GITHUB_ACTIONS") == "true"
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    options.step_summary = Path(summary) if summary else None
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its own threads and ours would fight over the cores
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # an evaluation reports to nobody


def _cache() -> Path:
    """The folder of the cache: EVALKIT_CACHE, else `evalkit` in XDG_CACHE_HOME, else in the home folder's `.cache`."""
    if folder := os.environ.get("EVALKIT_CACHE"):
        return Path(folder)
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home) / "evalkit"
    try:
        return Path.home() / ".cache" / "evalkit"
    except RuntimeError as error:
        raise EvalkitError("this user has no home folder for the cache; name a folder as EVALKIT_CACHE") from error


def _launch(options: argparse.Namespace) -> None:
    """Set this process's rank and the number of ranks, and a sentence where more were wanted than there are.

    torchrun marks what it starts with TORCHELASTIC_RUN_ID, and so does `accelerate launch`, which calls it; but with
    --cpu that starts one process whatever --num_processes says, and only MASTER_ADDR is a trace of the wish.
    """
    size = os.environ.get("WORLD_SIZE", "")
    ranks = int(size) if size.isdecimal() else 1
    options.ranks = ranks if "TORCHELASTIC_RUN_ID" in os.environ else 1
    options.rank = _number("RANK") if options.ranks > 1 else 0
    options.local_rank = _number("LOCAL_RANK", default=options.rank)
    options.attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "")
    options.alone = ""
    if ranks > options.ranks:
        options.alone = f"WORLD_SIZE is {ranks}, but no launcher started this process, which runs alone; use torchrun"
    elif not size and "MASTER_ADDR" in os.environ and "ACCELERATE_MIXED_PRECISION" in os.environ:
        options.alone = (
            "accelerate launch was asked for several processes and started one; use torchrun --nproc_per_node"
        )


def _number(name: str, *, default: int | None = None) -> int:
    value = os.environ.get(name, "" if default is None else str(default))
    if not value.isdecimal():
        raise EvalkitError(f"the environment variable {name} is {value!r}, not a rank; start ranks with torchrun")
    return int(value)
