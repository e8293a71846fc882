"""`evalkit doctor`: states what this machine has and lacks, and with --run whether it reproduces the shipped scores."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import msgspec

from evalkit.backends import device
from evalkit.cli.setup import data_places, task_places
from evalkit.errors import EvalkitError
from evalkit.registry import catalog, load
from evalkit.registry.spec import TaskSpec
from evalkit.results.run import Run
from evalkit.run import provenance, runner
from evalkit.run.prepare import TaskSettings
from evalkit.run.progress import TerminalProgress
from evalkit.run.session import Session

OPTIONAL = {
    "torch-npu": ("torch_npu", "pip install 'evalkit-vlm[npu]', the release that names your torch version"),
    "av": ("av", "for videos: pip install 'evalkit-vlm[video]'"),
    "matplotlib": ("matplotlib", "for figures: pip install 'evalkit-vlm[report]'"),
    "ray": ("ray", "for a cluster: pip install 'evalkit-vlm[ray]'"),
    "peft": ("peft", "for LoRA adapters: pip install 'evalkit-vlm[lora]'"),
    "openpyxl": ("openpyxl", "for predictions in .xlsx: pip install 'evalkit-vlm[xlsx]'"),
    "flash-attn": ("flash_attn", "only for attention: flash_attention_2 on CUDA"),
}
TOLERANCE = 0.01
"""Another CPU's rounding may turn the odd greedy token; a broken pipeline turns far more."""


def main(options: argparse.Namespace) -> int:
    """Exit code 0; with --run 4 when the shipped mini scores are not reproduced."""
    for lines in (_python(), _devices(), _packages(), _data(options)):
        for line in lines:
            print(line)
    return _reproduce(options) if options.run else 0


def _python() -> Iterator[str]:
    yield f"python       {platform.python_version()} at {sys.executable}, {platform.platform()}"
    yield f"cores        {os.cpu_count()}"
    versions = provenance.versions()
    required = [line for line in metadata.requires("evalkit-vlm") or () if "extra ==" not in line]
    for name in ("evalkit", *(re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in required)):
        yield f"{name:<12} {versions.get(name, 'NOT INSTALLED: install evalkit-vlm again')}"


def _devices() -> Iterator[str]:
    yield from _npu_pairing()
    try:
        chosen = device.choose()
    except EvalkitError as error:
        yield f"device       none: {error}"
        yield from _npu_autoload()
        return
    usable = device.usable()
    yield f"device       {chosen}; --device takes {', '.join(usable)}"
    if importlib.util.find_spec("torch_npu") is not None and usable == ["cpu"]:
        yield "             torch-npu sees no device: look at `npu-smi info` and at ASCEND_RT_VISIBLE_DEVICES"


def _npu_pairing() -> Iterator[str]:
    """torch-npu x.y.z goes with torch x.y.z only (its README's table of versions)."""
    try:
        npu, torch = metadata.version("torch-npu"), metadata.version("torch")
    except metadata.PackageNotFoundError:
        return
    fits = npu.split(".")[:2] == torch.split(".")[:2]
    yield f"torch-npu    {npu} {'fits' if fits else 'does NOT fit'} torch {torch}"
    if not fits:
        yield f"             install torch-npu=={'.'.join(torch.split('+')[0].split('.')[:2])}.*"


def _npu_autoload() -> Iterator[str]:
    if importlib.util.find_spec("torch_npu") is not None:
        yield "             torch loads torch-npu by itself; TORCH_DEVICE_BACKEND_AUTOLOAD=0 lets torch start without,"
        yield "             but not transformers, which imports torch-npu wherever it is installed"


def _packages() -> Iterator[str]:
    for name, (module, hint) in OPTIONAL.items():
        if importlib.util.find_spec(module) is None:
            yield f"{name:<12} not installed ({hint})"
        else:
            yield f"{name:<12} {_version(name)}"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "installed, version unknown"


def _data(options: argparse.Namespace) -> Iterator[str]:
    yield f"registry     {catalog.root()}, {len(load.files(TaskSpec))} tasks"
    yield f"cache        {options.cache}, {_condition(options.cache)}"
    offline = "HF_HUB_OFFLINE is set: nothing is downloaded"
    yield f"hub          {offline if options.offline else 'not tried; what is missing is downloaded in a run'}"


def _condition(folder: Path) -> str:
    """A phrase for a folder that evalkit fills: writable, still to be made, or the reason why neither holds."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        return f"but {existing} is no folder: name another one as EVALKIT_CACHE"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"but {existing} cannot be written: name another folder as EVALKIT_CACHE"
    return "writable" if existing == folder.absolute() else "made when it is needed"


def _reproduce(options: argparse.Namespace) -> int:
    """Run the suite mini into a scratch folder and compare with the scores shipped beside the model."""
    shipped = msgspec.json.decode(
        (catalog.PACKAGE / "assets" / "pocket-vlm-scores.json").read_bytes(), type=dict[str, float]
    )
    session = Session(load.model("pocket-vlm"), cache=options.cache)
    options.data = []
    code = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name, expected in shipped.items():
            value = _value(session, name, Path(scratch), options)
            good = abs(value - expected) <= TOLERANCE
            code = code if good else 4
            print(f"{name:<28} {100 * value:5.1f}  shipped {100 * expected:5.1f}  {'ok' if good else 'DIFFERENT'}")
    print("this machine reproduces the shipped scores" if not code else "this machine does NOT reproduce them")
    return code


def _value(session: Session, name: str, scratch: Path, options: argparse.Namespace) -> float:
    task = load.spec(TaskSpec, name)
    progress = TerminalProgress(colour=options.colour)
    settings = TaskSettings(out=scratch, places=task_places(data_places(options), name), progress=progress)
    outcome = runner.run(session, task, settings)
    stat = Run.of(outcome, task, settings.places).headline
    if stat is None:
        raise EvalkitError(f"{name}: no {task.headline} came out; run `evalkit check`")
    return stat.value
