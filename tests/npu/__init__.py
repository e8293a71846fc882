"""An NPU without its hardware: torch's open device slot, compiled from device.cpp, behind a stand-in torch_npu."""
