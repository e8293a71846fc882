"""House rules that a machine can check: lengths of files, openings of docstrings, and one meaning for each public name.

ruff holds the rest: no heavy import at module level, and a docstring for every public thing.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests import ROOT

PACKAGE = ROOT / "evalkit"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 250
QUESTION = re.compile(r"(What|Which|Whether)\b")
SHARED = {
    "main": "every module of cli/ that is a verb has one",
}
"""Public names that may stand in several modules, with the reason."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def public(body: list[ast.stmt]) -> list[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of a module or a class whose names have no underscore in front."""
    definitions = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [node for node in definitions if not node.name.startswith("_")]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_fits_on_a_few_screens(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_docstring_says_what_its_thing_is_or_does(path: Path) -> None:
    """ "Return ...", "The ... of ...", "True if ...": a first line that opens like a question has to be read twice."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    definitions = public(module.body)
    methods = [method for node in definitions if isinstance(node, ast.ClassDef) for method in public(node.body)]
    docstrings = [ast.get_docstring(node) or "" for node in (module, *definitions, *methods)]
    assert [text.splitlines()[0] for text in docstrings if QUESTION.match(text)] == []


def test_a_public_name_stands_in_one_module() -> None:
    modules = defaultdict(list)
    for path in FILES:
        for node in public(ast.parse(path.read_text(encoding="utf-8")).body):
            modules[node.name].append(relative(path))
    assert {name: paths for name, paths in modules.items() if len(paths) > 1 and name not in SHARED} == {}
