"""Compile device.cpp once for each torch and each version of the file."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def library(cache: Path) -> Path:
    """The shared library, from `cache` if it was compiled before; skips where there is no compiler."""
    import torch

    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        pytest.skip("no C++ compiler to build the emulated NPU with; install g++ or set CXX")
    home = Path(torch.__file__).parent
    source = HERE / "device.cpp"
    name = hashlib.sha256(source.read_bytes() + f"{home} {torch.__version__}".encode()).hexdigest()[:16]
    built = cache / f"libnpu-{name}.so"
    if not built.exists():
        # Under another name first: a second test process may be at the same file.
        partial = built.with_suffix(f".{os.getpid()}")
        places = [f"-I{home / 'include'}", f"-L{home / 'lib'}", "-lc10", "-ltorch_cpu", "-ltorch"]
        flags = ["-std=c++20", "-O0", "-shared", "-fPIC", "-w"]
        command = [compiler, *flags, str(source), "-o", str(partial), *places]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        partial.rename(built)
    return built


def environment(built: Path, **more: str) -> dict[str, str]:
    """Environment of a process that finds the stand-in torch_npu; one thread, so that sums have one order."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NPU_", "ACCELERATE_", "TORCH_DEVICE_"))}
    return {**kept, "PYTHONPATH": str(HERE), "NPU_LIBRARY": str(built), "OMP_NUM_THREADS": "1", **more}
