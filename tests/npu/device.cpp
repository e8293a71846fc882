// A device of torch's open slot (PrivateUse1): memory of its own on the host, every kernel computed by the CPU.
//
// What a real accelerator refuses is refused here too: tensors of two devices in one operation, and reading its memory
// from the host without a copy. Without that a forgotten `.to(device)` would pass unseen.

#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/native/Resize.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <atomic>
#include <cstdlib>

namespace {

constexpr c10::DeviceType KIND = c10::DeviceType::PrivateUse1;
// 0 stands for a driver that sees no device.
const c10::DeviceIndex COUNT = std::getenv("NPU_DEVICES") ? std::atoi(std::getenv("NPU_DEVICES")) : 2;
thread_local c10::DeviceIndex current = 0;

c10::Device here() { return {KIND, current}; }

c10::DeviceIndex exchange(c10::DeviceIndex index) {
  TORCH_CHECK(index < COUNT, "NPU error, invalid device id ", static_cast<int>(index), ", ", static_cast<int>(COUNT),
              " devices are present");
  const auto before = current;
  if (index >= 0) current = index;
  return before;
}

// ---- memory

struct Memory final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes ? std::malloc(bytes) : nullptr;
    return {data, data, &std::free, here()};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }
};
Memory memory;
REGISTER_ALLOCATOR(KIND, &memory);

// ---- the current device, for torch itself and for torch.accelerator

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return KIND; }
  c10::Device exchangeDevice(c10::Device device) const override { return {KIND, exchange(device.index())}; }
  c10::Device getDevice() const override { return here(); }
  void setDevice(c10::Device device) const override { exchange(device.index()); }
  void uncheckedSetDevice(c10::Device device) const noexcept override { current = device.index(); }
  c10::Stream getStream(c10::Device device) const override { return c10::Stream(c10::Stream::DEFAULT, device); }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }
  c10::DeviceIndex deviceCount() const noexcept override { return COUNT; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return COUNT > 0; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return COUNT; }
  c10::DeviceIndex getCurrentDevice() const override { return current; }
  void setCurrentDevice(c10::DeviceIndex index) const override { exchange(index); }
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex index) const override { return exchange(index); }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex index) const override { return exchange(index); }
};
const bool registered = (at::RegisterPrivateUse1HooksInterface(new Hooks), true);

// ---- kernels

const c10::DispatchKeySet KEYS(c10::DispatchKey::PrivateUse1);

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device> device, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  const c10::DeviceGuard on(device.value_or(here()));
  return at::detail::empty_generic(size, &memory, KEYS, c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device> device, std::optional<bool>) {
  const c10::DeviceGuard on(device.value_or(here()));
  return at::detail::empty_strided_generic(size, stride, &memory, KEYS, c10::dtype_or_default(dtype));
}

const at::Tensor& resize(const at::Tensor& tensor, at::IntArrayRef size, std::optional<at::MemoryFormat> format) {
  const c10::DeviceGuard on(tensor.device());
  return at::native::resize_(tensor, size, format);
}

// The same memory seen as a CPU tensor; only copies may look at it.
at::Tensor seen(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor;
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), [](void*) {},
                       tensor.options().device(at::kCPU));
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  seen(to).copy_(seen(from));
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  if (to.sizes() != from.sizes()) to.resize_(from.sizes());
  return copy_from(from, to, false);
}

at::Tensor& set_storage(at::Tensor& tensor, at::Storage storage, int64_t offset, at::IntArrayRef size,
                        at::IntArrayRef stride) {
  tensor.unsafeGetTensorImpl()->set_storage_keep_dtype(std::move(storage));
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(size, stride, offset);
  return tensor;
}

void refuse_mixture(const c10::OperatorHandle& op, const at::Tensor& tensor, std::optional<at::Device>& device) {
  // Numbers in tensors without dimensions may come from the host, as on every accelerator.
  if (!tensor.defined() || (tensor.is_cpu() && tensor.dim() == 0)) return;
  TORCH_CHECK(!device || *device == tensor.device(), op.schema().name(),
              ": expected all tensors to be on the same device, but found ", *device, " and ", tensor.device());
  device = tensor.device();
}

// From the kernel with this number on, the device is lost, as after a failed assertion on it; 0: never.
const long BREAKS_AT = std::getenv("NPU_BREAKS_AT") ? std::atol(std::getenv("NPU_BREAKS_AT")) : 0;
std::atomic<long> launched{0};

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  TORCH_CHECK(++launched < BREAKS_AT || BREAKS_AT == 0, "NPU function error: ", op.schema().name(),
              ", error code is 507015 (aicore exception)");
  std::optional<at::Device> device;
  const auto count = op.schema().arguments().size();
  for (auto value = stack->end() - count; value != stack->end(); ++value) {
    if (value->isTensor()) refuse_mixture(op, value->toTensor(), device);
    if (value->isTensorList())
      for (const at::Tensor& one : value->toTensorVector()) refuse_mixture(op, one, device);
    if (value->isOptionalTensorList())
      for (const std::optional<at::Tensor>& one : value->toOptionalTensorVector())
        if (one) refuse_mixture(op, *one, device);
  }
  at::native::cpu_fallback(op, stack, /*error_on_views=*/true);
}

// 0 is the choice that composes attention from matrix products.
int64_t no_fused_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                           double, bool, std::optional<double>, bool) {
  return 0;
}

// torch hands a convolution to this one name, which the CPU does not know.
at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                       at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                       at::IntArrayRef output_padding, int64_t groups) {
  const bool biased = bias && bias->defined();
  TORCH_CHECK(input.device() == weight.device() && (!biased || bias->device() == input.device()),
              "convolution: expected all tensors to be on the same device");
  const auto host = biased ? std::optional<at::Tensor>(bias->cpu()) : std::nullopt;
  return at::convolution(input.cpu(), weight.cpu(), host, stride, padding, dilation, transposed, output_padding, groups)
      .to(input.device());
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view", &at::native::view);
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("unfold", &at::native::unfold);
  library.impl("resize_", &resize);
  library.impl("set_.source_Storage_storage_offset", &set_storage);
  library.impl("convolution_overrideable", &convolution);
  library.impl("_fused_sdp_choice", &no_fused_attention);
}

}  // namespace
