"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import ROOT

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the hub's client, which reads it once


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference facts and recorded replies, which exists in development and on CI only."""
    folder = Path(os.environ.get("EVALKIT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}; set EVALKIT_SHARED")
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


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Builds the wheel and installs it into a fresh environment that borrows only the dependencies of this one."""
    folder = tmp_path_factory.mktemp("wheel")
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
    return Installed(home / "bin" / "evalkit", folder)


@pytest.fixture(scope="session")
def mini(installed: Installed) -> Path:
    """The results folder of the suite mini with the bundled model, run once from the wheel as a first user would."""
    found = installed.run("run")
    assert found.returncode == 0, found.stderr
    return installed.folder / "results"
