"""A stand-in for torch-npu: torch's device `npu` on the host's memory, two of them, computed by the CPU.

It has what torch, accelerate and transformers ask of the real package when they choose a device and run a model on
it, and nothing of its kernels. NPU_LIBRARY names the compiled device.cpp; NPU_DEVICES=0 stands for a driver without
a device.
"""

import os
import sys
import types
from typing import Any

import torch
from torch.utils import backend_registration

npu: Any = types.ModuleType("torch.npu")
_index = 0


def _count() -> int:
    return int(os.environ.get("NPU_DEVICES", "2"))


def _set_device(device: object) -> None:
    global _index
    _index = torch.device(device if isinstance(device, str) else f"npu:{device}").index or 0


npu.device_count = _count
npu.is_available = lambda: _count() > 0
npu.is_initialized = npu.is_available
npu.current_device = lambda: _index
npu.set_device = _set_device
npu._is_in_bad_fork = lambda: False
npu.manual_seed_all = lambda seed: None
npu.manual_seed = lambda seed: None
npu.synchronize = lambda device=None: None
npu.empty_cache = lambda: None
npu.mem_get_info = lambda device=None: (2**34, 2**34)
npu.memory_allocated = lambda device=None: 0
npu.get_amp_supported_dtype = lambda: [torch.float16, torch.bfloat16]


def npu_fusion_attention(*_: object, **__: object) -> None:
    raise RuntimeError("the stand-in has no fused attention")


npu_rotary_mul = npu_fusion_attention


def _autoload() -> None:
    """torch's entry point for backends; importing this module is all there is to do."""


torch.ops.load_library(os.environ["NPU_LIBRARY"])
backend_registration.rename_privateuse1_backend("npu")
torch._register_device_module("npu", npu)
backend_registration.generate_methods_for_privateuse1_backend()
sys.modules["torch.npu"] = npu
