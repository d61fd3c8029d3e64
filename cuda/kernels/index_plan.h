// What the host decides about an indexed access (tensor/kernels/index.h) before kernels walk it.
#pragma once

#include "cuda/kernels/elementwise_plan.h"
#include "tensor/kernels/index.h"

namespace fg::cuda {

/// Dims in row-major order, those of extent 1 dropped and neighbours merged where all operands allow it.
struct RowMajorSpace {
  DimVector sizes;                 // may be empty: one element
  std::vector<DimVector> strides;  // per operand

  RowMajorSpace() = default;
  RowMajorSpace(IntArrayRef all_sizes, const std::vector<DimVector>& all_strides);

  int64_t numel() const;
  /// Throws when more dims are left than a table holds, or more elements than 32 bits index.
  template <int kOperands>
  OffsetTable<kOperands> table() const {
    check_table();
    OffsetTable<kOperands> result;
    result.dims = std::max(1, int(sizes.size()));
    for (size_t d = 0; d < sizes.size(); ++d) {
      const size_t from = sizes.size() - 1 - d;
      result.sizes[d] = Divider(uint32_t(std::max<int64_t>(1, sizes[from])));
      for (size_t k = 0; k < size_t(kOperands); ++k) result.strides[d][k] = strides[k][from];
    }
    // Of no dim: one element, at offset 0.
    if (sizes.empty())
      for (size_t k = 0; k < size_t(kOperands); ++k) result.strides[0][k] = 0;
    return result;
  }

 private:
  void check_table() const;
};

/// How an entry of the index tensor becomes an offset of the addressed tensor. Several index tensors are
/// combined into one that holds offsets, or kNowhere.
struct EntryRule {
  static constexpr int64_t kNowhere = std::numeric_limits<int64_t>::min();

  int64_t low = 0;     // entries lie in [low, extent)
  int64_t extent = 0;  // added to negative ones
  int64_t stride = 1;  // combined: what divides every offset
  bool combined = false;
  int64_t largest = 0;  // combined: the largest offset, in elements
  int shift = 0;        // log2 of the elements per word, for combined offsets
};

/// The operands of one access in words: an access in which whole neighbouring elements move together is
/// seen as one on words of up to 16 bytes.
struct IndexPlan {
  enum Operand { kSelf, kValues, kIndex };

  RowMajorSpace space;  // strides of self, values and index
  char* self;
  char* values;
  const int64_t* index;
  int64_t word_bytes;
  EntryRule rule;
  Device device;
  Tensor combined;  // keeps `index` alive when it is scratch memory

  /// Combines several index tensors with a kernel of its own.
  IndexPlan(const Tensor& self, const Tensor& values, const IndexedAccess& access);

  /// Makes words as wide as the layout allows, up to `max_bytes`.
  void widen(int64_t max_bytes);
  /// The two halves along the first dim, in row-major order.
  std::pair<IndexPlan, IndexPlan> halves() const;
  /// Whether all positions get one and the same value, so that the order of writes does not matter.
  bool one_value() const;
  /// The largest offset, in words, that an entry in range means.
  int64_t largest_chosen() const;
  /// The dims along which the index moves, or nothing does, and those that move `self` only: a slice per entry.
  RowMajorSpace entries() const { return part(true); }
  RowMajorSpace slices() const { return part(false); }

 private:
  RowMajorSpace part(bool of_entries) const;
};

/// The index tensors of an access as offsets of the addressed tensor: Long, broadcasts to access.sizes.
Tensor combine_indices(const IndexedAccess& access);

/// indexed_write of different values, and indexed_add (index_sort.cu).
void write_sorted(const IndexPlan& plan);
void add_sorted(const IndexPlan& plan, ScalarType type);

}  // namespace fg::cuda
