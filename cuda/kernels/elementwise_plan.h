// What the host decides about an elementwise launch; knows no op.
#pragma once

#include <algorithm>
#include <span>

#include "cuda/divider.h"
#include "tensor/iteration.h"

namespace fg::cuda {

/// Dims of an iteration space that a kernel can walk, after merging.
inline constexpr size_t kMaxDims = 12;
/// Elements of one launch, so that 32 bits index them; larger spaces are halved.
inline constexpr int64_t kMaxElements = int64_t(1) << 30;

/// Where element i of an iteration space lies in each operand. Dims are innermost first.
template <int kOperands>
struct OffsetTable {
  int dims = 1;
  Divider sizes[kMaxDims];
  int64_t strides[kMaxDims][kOperands];

  __host__ __device__ void locate(uint32_t i, int64_t (&offsets)[kOperands]) const {
    for (int k = 0; k < kOperands; ++k) offsets[k] = 0;
    for (int d = 0; d < dims - 1; ++d) {
      const uint32_t rest = sizes[d].quotient(i);
      const int64_t index = i - rest * sizes[d].divisor();
      for (int k = 0; k < kOperands; ++k) offsets[k] += index * strides[d][k];
      i = rest;
    }
    for (int k = 0; k < kOperands; ++k) offsets[k] += int64_t(i) * strides[dims - 1][k];
  }
};

/// Where pack i of an iteration space lies in each operand. Strides are in bytes and fit 32 bits, so that a dim
/// costs one multiplication per operand.
template <int kOperands>
struct PackTable {
  int inner_dims = 0;  // without the outermost
  Divider sizes[kMaxDims - 1];
  uint32_t strides[kMaxDims - 1][kOperands];
  uint32_t outermost[kOperands];
  char* data[kOperands];

  __host__ __device__ void locate(uint32_t i, char* (&places)[kOperands]) const {
    for (int k = 0; k < kOperands; ++k) places[k] = data[k];
#ifdef __CUDACC__
#pragma unroll 1
#endif
    for (int d = 0; d < inner_dims; ++d) {
      const uint32_t rest = sizes[d].quotient(i);
      const uint32_t index = i - rest * sizes[d].divisor();
      for (int k = 0; k < kOperands; ++k) places[k] += uint64_t(index) * strides[d][k];
      i = rest;
    }
    for (int k = 0; k < kOperands; ++k) places[k] += uint64_t(i) * outermost[k];
  }
};

struct ElementwisePlan {
  IterationSpace space;
  std::array<void*, IterationSpace::kMaxOperands> data{};
  std::array<ScalarType, IterationSpace::kMaxOperands> types{};
  /// A CPU tensor of one element: travels by value.
  std::array<bool, IterationSpace::kMaxOperands> constant{};
  size_t count;

  /// operands[0] is the output. Throws when an input is on the CPU and has more than one element.
  explicit ElementwisePlan(std::span<const Tensor* const> operands);

  /// Whether every operand but the constants has this dtype.
  bool all_are(ScalarType type) const;
  /// Whether the operands have these dtypes and lie so that the innermost dim can be cut into aligned packs of
  /// `width` elements, each operand dense or constant along it.
  bool fits_packs(std::span<const ScalarType> types, int64_t width) const;

  /// For single elements.
  template <size_t kOperands>
  OffsetTable<int(kOperands)> table() const {
    OffsetTable<int(kOperands)> result;
    const size_t rank = space.sizes.size();
    result.dims = int(rank);
    for (size_t d = 0; d < rank; ++d) {
      const size_t from = rank - 1 - d;
      result.sizes[d] = Divider(uint32_t(std::max<int64_t>(1, space.sizes[from])));
      for (size_t k = 0; k < kOperands; ++k) result.strides[d][k] = space.strides[k][from];
    }
    return result;
  }

  /// For the packs of a plan that fits them.
  template <size_t kOperands>
  PackTable<int(kOperands)> pack_table(int64_t width) const {
    PackTable<int(kOperands)> result;
    const size_t rank = space.sizes.size();
    result.inner_dims = int(rank) - 1;
    for (size_t d = 0; d < rank; ++d) {
      const size_t from = rank - 1 - d;
      const int64_t unit = d == 0 ? width : 1;
      if (from > 0) result.sizes[d] = Divider(uint32_t(space.sizes[from] / unit));
      uint32_t* const strides = from > 0 ? result.strides[d] : result.outermost;
      for (size_t k = 0; k < kOperands; ++k)
        strides[k] = uint32_t(space.strides[k][from] * unit * element_size(types[k]));
    }
    for (size_t k = 0; k < kOperands; ++k) result.data[k] = static_cast<char*>(data[k]);
    return result;
  }
};

/// The first or second half of every operand, cut along the output's longest dim.
std::vector<Tensor> half_of(std::span<const Tensor* const> operands, bool second);

}  // namespace fg::cuda
