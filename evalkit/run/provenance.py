"""The origin of a number: versions of every library, the commit of the code, the time."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata, resources
from pathlib import Path

from evalkit.version import __version__


@cache
def versions() -> Mapping[str, str]:
    """Versions of evalkit, Python and every declared library that is installed, by name; read once per process."""
    versions_by_name = {"evalkit": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for requirement in metadata.requires("evalkit-vlm") or ():
        match = re.match(r"[A-Za-z0-9_.-]+", requirement)
        if match:
            try:
                versions_by_name[match.group()] = metadata.version(match.group())
            except metadata.PackageNotFoundError:
                continue  # an extra that is not installed
    return versions_by_name


def merge_facts(*facts: Mapping[str, str]) -> dict[str, str]:
    """Join the facts of several runs by name, as in `cuda:0 + cpu`: each value once, in the order of `facts`."""
    names = dict.fromkeys(name for mapping in facts for name in mapping)
    values = {name: [v for mapping in facts for v in mapping.get(name, "").split(" + ") if v] for name in names}
    return {name: " + ".join(dict.fromkeys(distinct)) for name, distinct in values.items()}


@cache
def git_commit() -> str:
    """The commit of the checkout that holds evalkit, with `-dirty` for uncommitted changes; empty outside of one.

    Read once per process: a later commit is not the code that runs.
    """
    package = Path(str(resources.files("evalkit")))
    try:
        commit = _git(package, "rev-parse", "HEAD")
        tracked = _git(package, "ls-files", "--error-unmatch", "__init__.py")
        changes = _git(package, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return ""
    return commit + ("-dirty" if changes else "") if tracked else ""


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
