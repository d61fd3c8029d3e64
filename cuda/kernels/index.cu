// Reads and writes through index tensors.
//
// An access is a walk over its positions in row-major order; one thread moves one word of up to 16 bytes, as
// wide as whole slices allow, so that rows of a table move in vectors. Neighbouring threads share index
// entries, which the cache serves. Bytes: each index entry once, each chosen element read and written once.
// Entries out of range are reported and skipped. Writes of different values, where the last of several must
// stay, and additions go through a sort: index_sort.cu.

#include "cuda/kernels/elementwise.cuh"
#include "cuda/kernels/index_access.cuh"
#include "cuda/kernels/word.h"
#include "tensor/factories.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/shape.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kUnroll = 4;       // words in flight per thread
constexpr int kMaxCombined = 4;  // index tensors per pass of combine_kernel

template <class Word, bool kRead>
__global__ void __launch_bounds__(kThreads)
    indexed_move_kernel(Word* self, Word* values, EntryReader entries, OffsetTable<3> table,
                        uint32_t count) {
  const uint32_t step = gridDim.x * kThreads;
  for (uint32_t first = blockIdx.x * kThreads + threadIdx.x; first < count;
       first += step * kUnroll) {
    int64_t at[kUnroll][3], chosen[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const uint32_t i = first + u * step;
      chosen[u] = EntryRule::kNowhere;
      if (i >= count) continue;
      table.locate(i, at[u]);
      chosen[u] = entries.offset(at[u][IndexPlan::kIndex]);
    }
    Word words[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      if (chosen[u] == EntryRule::kNowhere) continue;
      words[u] =
          kRead ? self[at[u][IndexPlan::kSelf] + chosen[u]] : values[at[u][IndexPlan::kValues]];
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      if (chosen[u] == EntryRule::kNowhere) continue;
      if constexpr (kRead)
        values[at[u][IndexPlan::kValues]] = words[u];
      else
        self[at[u][IndexPlan::kSelf] + chosen[u]] = words[u];
    }
  }
}

template <bool kRead>
void move_words(const IndexPlan& plan) {
  const int64_t count = plan.space.numel();
  if (count == 0) return;
  if (count > kMaxElements) {
    const auto [first, second] = plan.halves();
    move_words<kRead>(first);
    return move_words<kRead>(second);
  }
  LaunchShape shape = one_thread_each((count + kUnroll - 1) / kUnroll, kThreads);
  dispatch_word(plan.word_bytes, [&]<class Word>() {
    launch(indexed_move_kernel<Word, kRead>, shape, reinterpret_cast<Word*>(plan.self),
           reinterpret_cast<Word*>(plan.values), EntryReader(plan), plan.space.table<3>(),
           uint32_t(count));
  });
}

struct CombinedIndices {
  const int64_t* index[kMaxCombined];
  int64_t extent[kMaxCombined];
  int64_t stride[kMaxCombined];
  int count;
  bool first;  // `offsets` is still to be started
};

__global__ void __launch_bounds__(kThreads)
    combine_kernel(int64_t* offsets, CombinedIndices indices, OffsetTable<kMaxCombined> table,
                   Reporter reporter, uint32_t count) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  int64_t at[kMaxCombined];
  table.locate(i, at);
  int64_t sum = indices.first ? 0 : offsets[i];
  for (int k = 0; k < indices.count && sum != EntryRule::kNowhere; ++k) {
    const int64_t entry = indices.index[k][at[k]], extent = indices.extent[k];
    if (entry < -extent || entry >= extent) {
      reporter.out_of_range(entry, -extent, extent);
      sum = EntryRule::kNowhere;
    } else {
      sum += (entry < 0 ? entry + extent : entry) * indices.stride[k];
    }
  }
  offsets[i] = sum;
}

// Some of the index tensors, from number `begin` on.
void combine_some(const Tensor& offsets, const IndexedAccess& access, size_t begin, size_t end) {
  CombinedIndices indices{};
  indices.count = int(end - begin);
  indices.first = begin == 0;
  std::vector<DimVector> strides(kMaxCombined, DimVector(access.sizes.size(), 0));
  for (size_t k = begin; k < end; ++k) {
    const IndexedAccess::Index& from = access.indices[k];
    indices.index[k - begin] = from.index.data_ptr<int64_t>();
    indices.extent[k - begin] = from.extent;
    indices.stride[k - begin] = from.stride;
    strides[k - begin] = broadcast_strides(from.index, offsets.sizes());
  }
  const RowMajorSpace space(offsets.sizes(), strides);
  launch(combine_kernel, one_thread_each(offsets.numel(), kThreads), offsets.data_ptr<int64_t>(),
         indices, space.table<kMaxCombined>(), Reporter("index", "index"),
         uint32_t(offsets.numel()));
}

}  // namespace

Tensor combine_indices(const IndexedAccess& access) {
  DimVector sizes(access.sizes.size(), 1);
  for (size_t d = 0; d < sizes.size(); ++d)
    for (const IndexedAccess::Index& k : access.indices)
      if (broadcast_strides(k.index, access.sizes)[d] != 0) sizes[d] = access.sizes[d];
  const Tensor offsets = empty(sizes, access.indices[0].index.options());
  for (size_t k = 0; k < access.indices.size(); k += kMaxCombined)
    combine_some(offsets, access, k, std::min(access.indices.size(), k + kMaxCombined));
  return offsets;
}

void indexed_read(const Tensor& out, const Tensor& source, const IndexedAccess& access) {
  if (out.numel() == 0) return;
  IndexPlan plan(source, out, access);
  plan.widen(kVectorBytes);
  move_words<true>(plan);
}

void indexed_write(const Tensor& target, const Tensor& values, const IndexedAccess& access) {
  if (numel_of(access.sizes) == 0) return;
  IndexPlan plan(target, values, access);
  if (plan.one_value() || plan.entries().numel() == 1) {
    plan.widen(kVectorBytes);
    return move_words<false>(plan);
  }
  plan.widen(kVectorBytes);
  write_sorted(plan);
}

void indexed_add(const Tensor& target, const Tensor& values, const IndexedAccess& access) {
  if (numel_of(access.sizes) == 0) return;
  add_sorted(IndexPlan(target, values, access), target.dtype());
}

optional<int64_t> find_outside(const Tensor&, int64_t, int64_t) {
  // Waiting for the answer would stall the host once per op. The kernels above skip entries out of range and
  // report them, which the host throws at its next launch, synchronisation or copy.
  return nullopt;
}

void masked_fill(const Tensor& x, const Tensor& mask, const Scalar& value) {
  dispatch_compute(compute_type(x.dtype()), "masked_fill", [&]<class T>() {
    const Tensor constant = empty({}, TensorOptions(scalar_type_of<T>));
    *constant.data_ptr<T>() = x.dtype() == kBool ? T(value.to<bool>()) : value.to<T>();
    where(x, mask, constant, x);
  });
}

}  // namespace fg::cuda
