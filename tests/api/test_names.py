"""The public names of the package, and that using none of them loads nothing."""

from __future__ import annotations

import subprocess
import sys

import evalkit

NAMES = [
    "CardSpec",
    "EvalkitError",
    "ModelSpec",
    "Run",
    "TaskSpec",
    "__version__",
    "compare",
    "evaluate",
    "explain",
    "leaderboard",
    "report",
    "score",
]
HEAVY = {"torch", "transformers", "accelerate", "datasets", "pandas", "PIL", "numpy", "scipy", "pyarrow", "msgspec"}


def test_the_public_names_are_these_and_each_is_there() -> None:
    assert sorted(evalkit.__all__) == NAMES == dir(evalkit)
    assert all(getattr(evalkit, name) is not None for name in NAMES)
    assert callable(evalkit.compare), "a function, also after the package evalkit.comparison is imported"


def test_importing_evalkit_loads_none_of_the_heavy_libraries() -> None:
    code = "import sys, evalkit; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(modules)
    assert [name for name in modules if name.startswith("evalkit")] == ["evalkit.version", "evalkit"]
