"""Every failure that a user can act on, as one tree of exceptions; the command line ends with their `code`."""

from __future__ import annotations


class EvalkitError(Exception):
    """A failure the user can act on: its text is one sentence that names the file, field or sample and says what to do.

    `code` is the exit status of the command line when nothing catches it.
    """

    code = 2


class IncompleteError(EvalkitError):
    """Data or results that are not what the task declares: a wrong count, a missing column, left-over errors."""

    code = 4


class ResumableError(EvalkitError):
    """The run stopped through no fault of the data; the same command continues it."""

    code = 75


class YamlError(EvalkitError):
    """A registry file that cannot be used: `file:line:column: what is wrong and what to do`."""


class ModelError(EvalkitError):
    """A model that cannot be found, read or trusted; the sentence says which file and what to do."""


class CellError(EvalkitError):
    """A cell of one row is not what its column promises: it costs this sample, not the run."""

    code = 4


class MediaError(EvalkitError):
    """A picture or video cannot be read; the text names its path."""

    code = 4


class ForeignFileError(EvalkitError):
    """A file of another tool that cannot be read, or that answers another data set."""

    code = 4


class OutOfMemoryError(Exception):
    """The device's memory did not hold the batch: the caller may retry with a smaller one."""
