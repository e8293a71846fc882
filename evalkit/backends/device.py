"""The device of a model: the one named by --device, or the one that accelerate gives this process."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import TYPE_CHECKING

from evalkit.errors import ModelError, ResumableError

if TYPE_CHECKING:
    import torch


def choose(name: str = "", *, rank: int | None = None) -> torch.device:
    """The device called `name` ("cpu", "cuda:1", "npu:0", "mps"), or accelerate's if empty.

    With an empty name and `rank`, the local rank of this process, it is the accelerator of that number. A tensor is
    put there and read back, so that a device that does not work fails now and not after a long load. Raises ModelError
    for a named device that cannot be used here, and ResumableError where the one that was chosen is broken.
    """
    check_torch()
    import torch

    try:
        device = torch.device(name) if name else _default_device(rank)
        torch.zeros(1, device=device).tolist()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        if not name:
            raise ResumableError(
                f"this process's device cannot be used ({reason(error)}); mend it, or name another with --device, and "
                "run the same command again"
            ) from error
        raise ModelError(
            f"--device {name} cannot be used here ({_absent(name) or reason(error)}); use one of: {', '.join(usable())}"
        ) from error
    return device


def _absent(name: str) -> str:
    """The reason why this machine has no device of the kind of `name`, or ""; torch's own message lists all kinds."""
    kind = name.partition(":")[0]
    if kind in {known.partition(":")[0] for known in usable()}:
        return ""
    if kind == "npu" and importlib.util.find_spec("torch_npu") is None:
        return "torch-npu is not installed"
    return f"this machine or this build of torch has no {kind}"


def _default_device(rank: int | None) -> torch.device:
    """accelerate's device, or that of a rank, for which accelerate would open a process group.

    Ranks send each other nothing, and a process group does not survive a restart: the addresses of dead ranks stay in
    the launcher's store, and ranks of gloo wait for each other for half an hour.
    """
    import torch

    if rank is None:
        from accelerate import PartialState

        return torch.device(PartialState().device)
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if accelerator is None else torch.device(accelerator.type, rank)


def check_torch() -> None:
    """Import torch, and torch-npu where it is installed, as accelerate and transformers will. Raises ModelError.

    torch loads an installed torch-npu by itself (its entry point `torch.backends`), which without CANN's libraries
    fails and takes `import torch` with it. TORCH_DEVICE_BACKEND_AUTOLOAD=0 mends that import only: transformers 5
    imports torch_npu wherever the package is found (`is_torch_npu_available`).
    """
    try:
        import torch  # noqa: F401 (whether it can be imported is the question)

        if importlib.util.find_spec("torch_npu") is not None:
            import torch_npu  # noqa: F401
    except (ImportError, RuntimeError, OSError) as error:
        subject, advice = TORCH if importlib.util.find_spec("torch_npu") is None else TORCH_NPU
        raise ModelError(f"{subject} cannot be loaded ({reason(error)}); {advice}") from error


# The subject of "... cannot be loaded", and what to do.
TORCH = ("torch", "install it for this platform; `evalkit doctor` shows what is there")
TORCH_NPU = (
    "torch-npu is installed but",
    "source CANN's set_env.sh before the command, or `pip uninstall torch-npu` to run without an NPU",
)


def reason(error: BaseException) -> str:
    """The first line of the error that caused `error`: torch reports a missing library as a backend that fails."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def usable() -> list[str]:
    """The names that `--device` takes on this machine; "cpu" is always among them."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return ["cpu"]
    return ["cpu", *(f"{accelerator.type}:{n}" for n in range(torch.accelerator.device_count()))]


def is_out_of_memory(error: BaseException) -> bool:
    """True if an error is about memory that ran out; only CUDA has a class for it, other drivers have messages."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in message for phrase in OUT_OF_MEMORY)


# Messages of NPU and MPS drivers, of cuBLAS, and of torch's CPU allocator, in that order.
OUT_OF_MEMORY = ("out of memory", "cublas_status_alloc_failed", "can't allocate memory", "not enough memory")


SMALL = 20_000_000
"""Parameters below which one thread of the CPU serves a model best."""


@cache
def _default_threads() -> int:
    import torch

    return torch.get_num_threads()


def settle_threads(parameters: int, device: torch.device) -> None:
    """Give a small model on the CPU one thread, any other the default number.

    Matrices of a few hundred rows gain nothing from a second thread. Where the machine is shared or images are
    prepared meanwhile they are several times slower with it: every operation waits for the slower thread.
    """
    import torch

    small = device.type == "cpu" and parameters < SMALL
    torch.set_num_threads(1 if small else _default_threads())
