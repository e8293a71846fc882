"""What files and folders are called after models and tasks: no character that a path or an address could stumble on."""

from __future__ import annotations

import re

from evalkit import digest

LOST = re.compile(r"[^\w.+-]+")


def plain(name: str) -> str:
    """The name with `-` for what a path should not hold; letters of every script stay. Two names can become one."""
    return LOST.sub("-", name).strip(".-") or digest.of(name)[:8]


def distinct(*names: str) -> str:
    """One file's name of several names; where that loses a character it keeps a part of their digest, to stay alone."""
    found = "--".join(map(plain, names))
    return found if found == "--".join(names) else f"{found}-{digest.of(names)[:8]}"
