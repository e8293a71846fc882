"""Where a model runs: the device asked for, or the one accelerate gives this process."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import TYPE_CHECKING

from evalkit.errors import ModelError, ResumableError

if TYPE_CHECKING:
    import torch


def choose(name: str = "", *, rank: int | None = None) -> torch.device:
    """The device called `name` ("cpu", "cuda:1", "npu:0", "mps"), or accelerate's if empty.

    Of several processes of a launch, `rank` on its machine gets the device of its own number. A number is put there and
    read back, so that a device that does not work is told now and not after a long load. Raises ModelError naming a
    device that this machine has not, and ResumableError where the one that was found is broken.
    """
    check_torch()
    import torch

    try:
        device = torch.device(name) if name else _found(rank)
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
    """That nothing here is of the kind of `name`; torch would list every kind and kernel that it knows."""
    kind = name.partition(":")[0]
    if kind in {known.partition(":")[0] for known in usable()}:
        return ""
    if kind == "npu" and importlib.util.find_spec("torch_npu") is None:
        return "torch-npu is not installed"
    return f"this machine or this build of torch has no {kind}"


def _found(rank: int | None) -> torch.device:
    """accelerate's device, or that of a rank, for which accelerate would open a process group.

    Nothing here is sent from rank to rank, and a group outlives no restart: the addresses of dead ranks stay in the
    launcher's store, and those of gloo wait for each other for half an hour.
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
        blamed, advice = TORCH if importlib.util.find_spec("torch_npu") is None else TORCH_NPU
        raise ModelError(f"{blamed} cannot be loaded ({reason(error)}); {advice}") from error


# Who is to blame, and what to do.
TORCH = ("torch", "install it for this platform; `evalkit doctor` shows what is there")
TORCH_NPU = (
    "torch-npu is installed but",
    "source CANN's set_env.sh before the command, or `pip uninstall torch-npu` to run without an NPU",
)


def reason(error: BaseException) -> str:
    """The first line of what went wrong at the root: torch reports a missing library as a backend that fails."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def usable() -> list[str]:
    """Names that `--device` takes on this machine; cpu always."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return ["cpu"]
    return ["cpu", *(f"{accelerator.type}:{n}" for n in range(torch.accelerator.device_count()))]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; drivers other than CUDA's say so in words only."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in words for phrase in OUT_OF_MEMORY)


# NPU and MPS drivers, cuBLAS handles, and torch's own CPU allocator, in that order.
OUT_OF_MEMORY = ("out of memory", "cublas_status_alloc_failed", "can't allocate memory", "not enough memory")


SMALL = 20_000_000
"""Parameters below which one thread of the CPU serves a model best."""


@cache
def _default_threads() -> int:
    import torch

    return torch.get_num_threads()


def settle_threads(parameters: int, device: torch.device) -> None:
    """Give a small model on the CPU one thread, any other the default.

    Matrices of a few hundred rows gain nothing from a second thread, and lose several times over when the machine is
    shared or pictures are prepared meanwhile: every operation then waits for the slower of two.
    """
    import torch

    small = device.type == "cpu" and parameters < SMALL
    torch.set_num_threads(1 if small else _default_threads())
