"""Every failure that a user can act on, as one tree of exceptions; the command line ends with their `code`.

    EvalkitError             2   wrong usage, or a path that cannot be written
    |-- YamlError            2   a file of the registry
    |-- ModelError           2   a model, or a file of recorded replies
    |-- IncompleteError      4   data or results that are not what the task declares
    |-- CellError            4   one cell of a row: one sample fails
    |-- MediaError           4   one picture or video: one sample fails
    |-- ForeignFileError     4   a file of another tool
    |-- EvaluationError          some tasks of an evaluation failed; the code of the first failure
    |-- InternalError       70   a defect of evalkit
    `-- ResumableError      75   a full disk, a lost device, no network: the same command continues

    OutOfMemoryError             a signal inside a run, which halves the batch; no user meets it

The codes 1, 3 and 5 are verdicts of `compare`, not failures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class EvalkitError(Exception):
    """A failure that the user can act on: one sentence that names the file, field or sample and says what to do.

    `code` is the exit status of the command line where nothing catches it.
    """

    code = 2


class YamlError(EvalkitError):
    """A registry file that cannot be used: `file:line:column: what is wrong and what to do`."""


class ModelError(EvalkitError):
    """A model that cannot be found, read or trusted; the sentence says which file and what to do."""


class IncompleteError(EvalkitError):
    """Data or results that are not what the task declares: a wrong count, a missing column, left-over errors."""

    code = 4


class CellError(EvalkitError):
    """A cell of one row is not what its column promises: this sample fails, not the run."""

    code = 4


class MediaError(EvalkitError):
    """A picture or video cannot be read; the sentence names its path. This sample fails, not the run."""

    code = 4


class ForeignFileError(EvalkitError):
    """A file of another tool that cannot be read, or that answers another data set."""

    code = 4


class InternalError(EvalkitError):
    """An unexpected exception, as a sentence: the defect is evalkit's, and the remedy is to report it."""

    code = 70


class ResumableError(EvalkitError):
    """The run stopped through no fault of the data; the same command continues it."""

    code = 75


class OutOfMemoryError(Exception):
    """The device's memory did not hold the batch: the caller may retry with a smaller one."""


class EvaluationError(EvalkitError):
    """Some tasks of an evaluation failed: `runs` are the finished ones, `failures` name the others and their errors.

    The code is that of the first failure.
    """

    def __init__(self, failures: Sequence[Any], runs: Sequence[Any]) -> None:
        sentences = "; ".join(f"{failure.model} on {failure.task}: {failure.error}" for failure in failures)
        super().__init__(f"{len(failures)} of {len(failures) + len(runs)} tasks failed: {sentences}")
        self.failures, self.runs, self.code = failures, runs, failures[0].error.code
