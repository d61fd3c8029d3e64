#include "serialize/dlpack.h"

#include "tensor/claimed_size.h"
#include "tensor/factories.h"
#include "tensor/shape.h"

namespace fg {
namespace {

using namespace dlpack;

struct DTypeRow {
  ScalarType dtype;
  DLDataTypeCode code;
};
constexpr DTypeRow kDTypes[] = {
    {kByte, kDLUInt}, {kChar, kDLInt},        {kShort, kDLInt},   {kInt, kDLInt},
    {kLong, kDLInt},  {kHalf, kDLFloat},      {kFloat, kDLFloat}, {kDouble, kDLFloat},
    {kBool, kDLBool}, {kBFloat16, kDLBfloat},
};

uint8_t bits_of(ScalarType dtype) { return uint8_t(8 * element_size(dtype)); }

// --- export ---

/// What `manager_ctx` keeps alive: the memory and the arrays that the struct points into.
template <class Managed>
struct Exported {
  Tensor tensor;
  DimVector sizes, strides;
  Managed managed{};
};

template <class Managed>
Managed* export_tensor(const char* op, const Tensor& tensor) {
  ENSURE(!tensor.requires_grad(), op, ": tensor must not require a gradient; detach() it first");
  auto exported = std::make_unique<Exported<Managed>>();
  exported->tensor = tensor;
  exported->sizes = tensor.impl().sizes;
  exported->strides = tensor.impl().strides;
  // A stride that is never taken may be anything here, but readers look at it to find out about contiguity.
  for (size_t d = 0; d < exported->sizes.size(); ++d)
    if (exported->sizes[d] < 2) exported->strides[d] = 1;
  Managed& managed = exported->managed;
  DLTensor& out = managed.dl_tensor;
  out.data = tensor.numel() == 0 ? nullptr : tensor.data_ptr();
  out.device = tensor.is_cuda() ? DLDevice{kDLCUDA, tensor.device().index()} : DLDevice{kDLCPU, 0};
  out.ndim = int32_t(tensor.dim());
  for (const DTypeRow& row : kDTypes)
    if (row.dtype == tensor.dtype()) out.dtype = {row.code, bits_of(row.dtype), 1};
  out.shape = exported->sizes.data();
  out.strides = exported->strides.data();
  managed.manager_ctx = exported.get();
  managed.deleter = [](Managed* self) {
    delete static_cast<Exported<Managed>*>(self->manager_ctx);
  };
  return &exported.release()->managed;
}

// --- import ---

ScalarType checked_dtype(const DLDataType& type) {
  ENSURE(type.lanes == 1, "from_dlpack: dtype must have 1 lane, got ", type.lanes);
  for (const DTypeRow& row : kDTypes)
    if (row.code == type.code && bits_of(row.dtype) == type.bits) return row.dtype;
  throw Error(str("from_dlpack: dtype must be one of fusegrad's, got type code ", int(type.code),
                  " with ", int(type.bits), " bits"));
}

Device checked_device(const DLDevice& device) {
  if (device.device_type == kDLCPU || device.device_type == kDLCUDAHost) return kCPU;
  ENSURE(device.device_type == kDLCUDA,
         "from_dlpack: device must be the CPU (1), CUDA (2) or pinned memory (3), got device type ",
         int32_t(device.device_type));
  ENSURE(device.device_id >= 0 && device.device_id < 128,
         "from_dlpack: device_id must be from 0 to 127, got ", device.device_id);
  return Device(kCUDA, DeviceIndex(device.device_id)).resolved();
}

DimVector checked_sizes(const DLTensor& tensor, ScalarType dtype) {
  ENSURE(tensor.ndim >= 0 && size_t(tensor.ndim) <= kMaxClaimedDims,
         "from_dlpack: ndim must be from 0 to ", kMaxClaimedDims, ", got ", tensor.ndim);
  ENSURE(tensor.ndim == 0 || tensor.shape, "from_dlpack: shape must not be null");
  DimVector sizes(tensor.shape, tensor.shape + tensor.ndim);
  for (const int64_t extent : sizes)
    ENSURE(extent >= 0, "from_dlpack: shape must not be negative, got ", sizes);
  const std::vector<uint64_t> claimed(sizes.begin(), sizes.end());
  ENSURE(claimed_num_bytes(claimed, dtype), "from_dlpack: shape ", sizes, " is too large");
  return sizes;
}

DimVector checked_strides(const DLTensor& tensor, const DimVector& sizes, ScalarType dtype) {
  if (!tensor.strides) return contiguous_strides(sizes);
  DimVector strides(tensor.strides, tensor.strides + tensor.ndim);
  int64_t last = element_size(dtype);
  for (size_t d = 0; d < sizes.size(); ++d) {
    // Of a stride that is never taken, anything may have been written down.
    if (sizes[d] < 2) strides[d] = 1;
    ENSURE(strides[d] >= 0, "from_dlpack: strides must not be negative, got ", strides);
    int64_t reach = std::max<int64_t>(sizes[d] - 1, 0);
    ENSURE(!__builtin_mul_overflow(reach, strides[d], &reach) &&
               !__builtin_mul_overflow(reach, element_size(dtype), &reach) &&
               !__builtin_add_overflow(last, reach, &last),
           "from_dlpack: strides ", strides, " reach too far");
  }
  return strides;
}

void* checked_data(const DLTensor& tensor, const DimVector& sizes, ScalarType dtype) {
  if (numel_of(sizes) == 0) return nullptr;
  ENSURE(tensor.data, "from_dlpack: data must not be null");
  char* data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  ENSURE(reinterpret_cast<uintptr_t>(data) % size_t(element_size(dtype)) == 0,
         "from_dlpack: data must be aligned to its elements of ", element_size(dtype), " bytes");
  return data;
}

/// Calls the deleter once the last copy is gone.
template <class Managed>
std::shared_ptr<Managed> take_over(Managed* capsule) {
  ENSURE(capsule, "from_dlpack: capsule must not be null");
  return std::shared_ptr<Managed>(capsule, [](Managed* managed) {
    if (managed->deleter) managed->deleter(managed);
  });
}

template <class Managed>
Tensor import_tensor(const std::shared_ptr<Managed>& capsule, bool is_read_only,
                     optional<bool> copy) {
  const DLTensor& tensor = capsule->dl_tensor;
  const ScalarType dtype = checked_dtype(tensor.dtype);
  const Device device = checked_device(tensor.device);
  const DimVector sizes = checked_sizes(tensor, dtype);
  const DimVector strides = checked_strides(tensor, sizes, dtype);
  void* data = checked_data(tensor, sizes, dtype);
  ENSURE(copy.value_or(true) || !is_read_only,
         "from_dlpack: copy must not be false for a tensor that is read-only");
  const Tensor shared = from_blob(
      data, sizes, strides, [capsule](void*) {}, TensorOptions(dtype).device(device));
  return copy.value_or(is_read_only) ? shared.clone() : shared;
}

}  // namespace

DLManagedTensorVersioned* to_dlpack(const Tensor& tensor) {
  auto* managed = export_tensor<DLManagedTensorVersioned>("to_dlpack", tensor);
  managed->version = {1, 0};
  return managed;
}

DLManagedTensor* to_legacy_dlpack(const Tensor& tensor) {
  return export_tensor<DLManagedTensor>("to_legacy_dlpack", tensor);
}

Tensor from_dlpack(DLManagedTensorVersioned* capsule, optional<bool> copy) {
  const auto owned = take_over(capsule);
  ENSURE(capsule->version.major == 1, "from_dlpack: the major version must be 1, got ",
         capsule->version.major, ".", capsule->version.minor);
  return import_tensor(owned, (capsule->flags & kReadOnlyFlag) != 0, copy);
}

Tensor from_dlpack(DLManagedTensor* capsule, optional<bool> copy) {
  return import_tensor(take_over(capsule), false, copy);
}

}  // namespace fg
