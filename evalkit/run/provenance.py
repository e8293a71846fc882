"""Where a number comes from: versions of every library, the commit of the code, the time."""

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
    found = {"evalkit": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for requirement in metadata.requires("evalkit-vlm") or ():
        match = re.match(r"[A-Za-z0-9_.-]+", requirement)
        if match:
            try:
                found[match.group()] = metadata.version(match.group())
            except metadata.PackageNotFoundError:
                continue  # an extra that is not installed
    return found


def merged(*facts: Mapping[str, str]) -> dict[str, str]:
    """Facts from several places as one, such as `cuda:0 + cpu`: each once, in the order of their places."""
    names = dict.fromkeys(name for one in facts for name in one)
    found = {name: [part for one in facts for part in one.get(name, "").split(" + ") if part] for name in names}
    return {name: " + ".join(dict.fromkeys(parts)) for name, parts in found.items()}


@cache
def git_commit() -> str:
    """The commit of the checkout that holds evalkit, with `-dirty` for uncommitted changes; empty outside of one.

    Read once per process: what is committed later is not the code that runs.
    """
    here = Path(str(resources.files("evalkit")))
    try:
        commit = _git(here, "rev-parse", "HEAD")
        inside = _git(here, "ls-files", "--error-unmatch", "__init__.py")
        changes = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return ""
    return commit + ("-dirty" if changes else "") if inside else ""


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
