"""Where a model runs: the device asked for, or the one accelerate gives this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.backends.weights import ModelError

if TYPE_CHECKING:
    import torch


def choose(name: str = "") -> torch.device:
    """The device called `name` ("cpu", "cuda:1", "npu:0", "mps"), or accelerate's for this rank if empty.

    A vector is put there once, so that a device that does not work is told now and not after a long load. Raises
    ModelError naming the device.
    """
    import torch
    from accelerate import PartialState

    if not name:
        return torch.device(PartialState().device)
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        raise ModelError(
            f"--device {name} cannot be used here ({reason}); use one of: {', '.join(_usable())}"
        ) from error
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; drivers other than CUDA's say so in words only."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in words for phrase in OUT_OF_MEMORY)


# NPU and MPS drivers, cuBLAS handles, and torch's own CPU allocator, in that order.
OUT_OF_MEMORY = ("out of memory", "cublas_status_alloc_failed", "can't allocate memory", "not enough memory")


def _usable() -> list[str]:
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return ["cpu"]
    return ["cpu", *(f"{accelerator.type}:{n}" for n in range(torch.accelerator.device_count()))]
