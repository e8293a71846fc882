"""Fixtures that several test modules share, and the markers that a test gets for its place and its fixtures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from tests import ROOT, TESTS

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the hub's client, which reads it once
if "PYTEST_XDIST_WORKER" in os.environ:
    # One worker per core already: more threads wait for each other in every small product of matrices.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they need, so that `-m` can leave them out.

    `browser`: everything in tests/browser. `reference`: the test uses the fixture `shared`, by itself or through
    another fixture. `slow`: likewise the fixture `installed`, which builds the wheel. Other tests are marked `slow`
    where they stand.
    """
    for item in items:
        fixtures = item.fixturenames if isinstance(item, pytest.Function) else []
        if item.path.is_relative_to(TESTS / "browser"):
            item.add_marker(pytest.mark.browser)
        if "shared" in fixtures:
            item.add_marker(pytest.mark.reference)
        if "installed" in fixtures:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference facts and recorded replies, which exists in development and on CI only.

    Its tests are skipped where it is not; if EVALKIT_SHARED names it, as on CI, they fail.
    """
    folder = Path(os.environ.get("EVALKIT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        refuse = pytest.fail if "EVALKIT_SHARED" in os.environ else pytest.skip
        refuse(f"no reference data at {folder}; set EVALKIT_SHARED")
    return folder


@pytest.fixture(autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's cache, or asks a hub."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


class Installed(NamedTuple):
    """evalkit as a stranger has it: installed from its wheel, with no checkout near."""

    command: Path
    folder: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The installed command in its own folder, away from the checkout."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
            "EVALKIT_CACHE": str(self.folder / "cache"),
            "HF_HUB_OFFLINE": "1",
        }
        return subprocess.run(
            [str(self.command), *arguments], cwd=self.folder, env=environment, capture_output=True, text=True
        )


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills, made by the first worker that asks and shared by all workers of this test run."""
    temporary = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        temporary = temporary.parent
    folder, done = temporary / name, temporary / f"{name}.done"
    with FileLock(temporary / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed half-way
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """evalkit's wheel in a fresh environment that borrows only the dependencies of this one."""
    folder = _made_once(tmp_path_factory, "wheel", _install)
    return Installed(folder / "venv" / "bin" / "evalkit", folder)


def _install(folder: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    home = folder / "venv"
    venv.create(home, with_pip=False)
    packages = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    install = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet", "--no-deps"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    # Dependencies come from this environment: a plain path in a .pth file does not bring its editable installs along.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")


@pytest.fixture(scope="session")
def mini(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of the suite mini with the bundled model, run once from the wheel as a first user would."""

    def run(_: Path) -> None:
        done = installed.run("run")
        assert done.returncode == 0, done.stderr

    _made_once(tmp_path_factory, "mini", run)
    return installed.folder / "results"
