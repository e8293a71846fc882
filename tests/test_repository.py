"""The files around the code keep their promises: names, versions, make targets and paths."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import evalkit
from tests import ROOT

OLD_NAME = re.compile(r"""pip install ['"]?evalkit(\\?\[|\s|['"]|$)""", re.MULTILINE)
TARGET = re.compile(r"(?:^\s*|`|run: |&& )make (?:[A-Z]+=\S+ )*([a-z]+)\b", re.MULTILINE)
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*(?:/|\.(?:cff|ini|json|md|py|toml|txt|ya?ml)))`")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
YAML = [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked() -> Iterator[Path]:
    """The files of the repository, or of the folder where it is none."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return (path for path in paths if path.is_file())


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_every_install_command_names_this_distribution() -> None:
    places = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if path != Path(__file__).resolve():
            places += [f"{relative(path)}:{text.count(chr(10), 0, m.start()) + 1}" for m in OLD_NAME.finditer(text)]
    assert places == []


def test_the_distribution_is_called_evalkit_vlm() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "evalkit-vlm"
    assert "evalkit" in project["scripts"]
    assert all((ROOT / name).is_file() for name in project["license-files"])


def test_the_citation_names_this_version() -> None:
    citation = read("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert {"authors", "message", "title"} <= citation.keys()
    assert citation["version"] == evalkit.__version__


@pytest.mark.parametrize("path", YAML, ids=relative)
def test_the_yaml_of_workflows_and_metadata_parses(path: Path) -> None:
    assert isinstance(read(relative(path)), dict)


@pytest.mark.parametrize("path", WORKFLOWS, ids=relative)
def test_a_workflow_has_jobs_that_do_something(path: Path) -> None:
    for job in read(relative(path))["jobs"].values():
        assert job.get("uses") or job["steps"]


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=relative)
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(TARGET.findall(path.read_text(encoding="utf-8"))) <= targets


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_path_that_is_named_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [path for path in PATH.findall(text) if not (ROOT / path).exists()] == []


def test_every_path_on_the_map_of_the_code_exists() -> None:
    """A path from the root, or the name of a file or folder in the room that its row of the table is about."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    missing = []
    for line in text.splitlines():
        paths = [path for path in PATH.findall(line) if not path.startswith(("run.json", "stats.json"))]
        of_a_room = line.startswith("| `evalkit/") and paths[0].endswith("/")
        room = ROOT / paths[0] if of_a_room else ROOT / "evalkit"
        missing += [path for path in paths if not (ROOT / path).exists() and not any(room.rglob(path.rstrip("/")))]
    assert missing == []
