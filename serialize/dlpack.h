// DLPack: tensors handed from one library to another in memory, without a copy
// (https://dmlc.github.io/dlpack/latest/c_api.html: the C structs; NumPy, PyTorch, JAX and CuPy speak it).
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// The structs of DLPack's binary interface, version 1.x, under its own names, so that a pointer from a
/// program that includes dlpack.h may be cast to them.
namespace dlpack {

struct DLPackVersion {
  uint32_t major, minor;
};

enum DLDeviceType : int32_t { kDLCPU = 1, kDLCUDA = 2, kDLCUDAHost = 3 };

struct DLDevice {
  DLDeviceType device_type;
  int32_t device_id;
};

enum DLDataTypeCode : uint8_t {
  kDLInt = 0,
  kDLUInt = 1,
  kDLFloat = 2,
  kDLBfloat = 4,
  kDLComplex = 5,
  kDLBool = 6,
};

struct DLDataType {
  uint8_t code;  // a DLDataTypeCode
  uint8_t bits;
  uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null for row-major
  uint64_t byte_offset;
};

/// The struct of versions before 1.0, which older libraries still hand out.
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);
};

inline constexpr uint64_t kReadOnlyFlag = 1;

struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned* self);
  uint64_t flags;
  DLTensor dl_tensor;
};

}  // namespace dlpack

/// The tensor for another library: any dtype, strides and device; the elements are shared and live until the
/// deleter is called. The version counter does not see the other library's writes. Throws on a tensor that
/// requires a gradient (detach() it).
dlpack::DLManagedTensorVersioned* to_dlpack(const Tensor& tensor);
/// The same for a library that speaks DLPack before 1.0.
dlpack::DLManagedTensor* to_legacy_dlpack(const Tensor& tensor);

/// Takes another library's tensor over: its deleter is called when the last tensor that shares the memory
/// goes or, since the capsule is consumed in any case, before an error is thrown. `copy` as in Python's array
/// API: true copies, false never does and throws where it would have to, absent copies only what is
/// read-only (older structs cannot say so).
///
/// Memory of the CPU, pinned or not, and of CUDA devices; what was queued on the memory must be ordered before
/// the current stream's work by the caller. Throws fg::Error for a null capsule, a major version other than 1,
/// lanes, a dtype or device that fusegrad lacks, negative extents or strides, and misaligned data.
Tensor from_dlpack(dlpack::DLManagedTensorVersioned* capsule, optional<bool> copy = nullopt);
Tensor from_dlpack(dlpack::DLManagedTensor* capsule, optional<bool> copy = nullopt);

}  // namespace fg
