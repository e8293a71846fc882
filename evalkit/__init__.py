"""evalkit: a benchmark evaluation harness for vision-language models.

    import evalkit
    runs = evalkit.evaluate("./checkpoint", tasks=["mini_pope"], limit=50, out="results")

Names are loaded when they are first used, so that importing evalkit costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from evalkit.version import __version__

if TYPE_CHECKING:
    from evalkit.api import compare, evaluate, explain, leaderboard, report, score
    from evalkit.errors import EvalkitError
    from evalkit.registry.spec import CardSpec, ModelSpec, TaskSpec
    from evalkit.results.run import Run

__all__ = [
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
_MODULES = {
    "CardSpec": "evalkit.registry.spec",
    "EvalkitError": "evalkit.errors",
    "ModelSpec": "evalkit.registry.spec",
    "Run": "evalkit.results.run",
    "TaskSpec": "evalkit.registry.spec",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "evalkit.api")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
