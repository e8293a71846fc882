"""Names of files and folders, made from names of models and tasks without any character that is special in a path."""

from __future__ import annotations

import re

from evalkit import digest

UNSAFE = re.compile(r"[^\w.+-]+")


def safe_name(name: str) -> str:
    """The name with `-` for each stretch of unsafe characters; letters of every script stay. Two names may give one."""
    return UNSAFE.sub("-", name).strip(".-") or digest.of(name)[:8]


def unique_name(*names: str) -> str:
    """One file name for one or several names; where a character was replaced, part of their digest makes it unique."""
    joined = "--".join(map(safe_name, names))
    return joined if joined == "--".join(names) else f"{joined}-{digest.of(names)[:8]}"
