// Kernels of the indexing ops. Every one of them is a walk over an iteration space in which one
// tensor is addressed through index tensors: see IndexedAccess.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// How an indexing op addresses a tensor: position `i` of the iteration space `sizes` means the
/// element at offset sum_d i[d] * strides[d] + sum_k index_k[i] * stride_k.
struct IndexedAccess {
  struct Index {
    Tensor index;  // Long, broadcasts to `sizes`; negative entries count from the end
    int64_t
        extent;  // the addressed tensor's extent along the indexed dim; entries are in range (CUDA: see find_outside)
    int64_t stride;  // and its stride there
    /// Whether negative entries are let in. The GPU's kernels check entries themselves.
    bool negative = true;
  };
  DimVector sizes;
  DimVector strides;  // of the addressed tensor; 0 along dims where only index tensors move it
  std::vector<Index> indices;
};

/// See tensor/on_device.h, which finds it by its argument.
inline void check_device(const char* launcher, Device device, const IndexedAccess& access) {
  for (const IndexedAccess::Index& k : access.indices)
    ENSURE(k.index.device() == device, launcher, ": all tensors must be on one device, got ",
           device, " and an index on ", k.index.device());
}

/// out[i] = source[access(i)]; out has shape access.sizes and source's dtype.
using IndexedRead = void(const Tensor& out, const Tensor& source, const IndexedAccess& access);
/// target[access(i)] = values[i], in row-major order: of several writes to one element the last
/// stays. `values` broadcasts to access.sizes and has target's dtype.
using IndexedWrite = void(const Tensor& target, const Tensor& values, const IndexedAccess& access);
/// target[access(i)] += values[i], in row-major order; deterministic.
using IndexedAdd = IndexedWrite;
/// The first entry of a Long tensor, in row-major order, that lies outside [low, high). On CUDA always
/// nullopt: finding out would wait for the GPU, whose kernels skip such entries and report them.
using FindOutside = optional<int64_t>(const Tensor& index, int64_t low, int64_t high);
/// x[i] = value where mask[i]; `mask` is Bool and broadcasts to x.
using MaskedFill = void(const Tensor& x, const Tensor& mask, const Scalar& value);
/// Positions of the true elements of a contiguous Bool tensor, row-major: Long [count, rank].
using Nonzero = Tensor(const Tensor& mask);

namespace cpu {
IndexedRead indexed_read;
IndexedWrite indexed_write;
IndexedAdd indexed_add;
FindOutside find_outside;
MaskedFill masked_fill;
Nonzero nonzero;
}  // namespace cpu

namespace cuda {
IndexedRead indexed_read;
IndexedWrite indexed_write;
IndexedAdd indexed_add;
FindOutside find_outside;
MaskedFill masked_fill;
Nonzero nonzero;
}  // namespace cuda

}  // namespace fg
