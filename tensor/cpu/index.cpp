#include "tensor/kernels/index.h"

#include <atomic>

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/strided_walk.h"
#include "tensor/factories.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/shape.h"

namespace fg::cpu {
namespace {

// Where the operands of an access lie in memory: the addressed tensor first, then the values, then
// the index tensors.
template <class T>
struct AccessPart {
  DimVector sizes;
  T* self;
  T* values;
  std::vector<const int64_t*> indices;
};

int64_t address(const IndexedAccess::Index& k, int64_t entry) {
  return (entry < 0 ? entry + k.extent : entry) * k.stride;
}

std::vector<DimVector> operand_strides(const IndexedAccess& access, const Tensor& values) {
  std::vector<DimVector> strides = {access.strides, broadcast_strides(values, access.sizes)};
  for (const auto& k : access.indices) strides.push_back(broadcast_strides(k.index, access.sizes));
  return strides;
}

template <class T, class Op>
void visit_part(const IndexedAccess& access, const std::vector<DimVector>& strides,
                const AccessPart<T>& part, Op op) {
  const StridedWalk walk(part.sizes, strides);
  const size_t num_indices = part.indices.size();
  const int64_t self_step = walk.inner_stride(0), value_step = walk.inner_stride(1);
  bool indices_move = false;
  for (size_t k = 0; k < num_indices; ++k) indices_move |= walk.inner_stride(2 + k) != 0;

  walk.run([&](const int64_t* at, int64_t count) {
    T* self = part.self + at[0];
    T* values = part.values + at[1];
    if (!indices_move) {
      for (size_t k = 0; k < num_indices; ++k)
        self += address(access.indices[k], part.indices[k][at[2 + k]]);
      if (self_step == 1 && value_step == 1) {
        for (int64_t j = 0; j < count; ++j) op(self[j], values[j]);
      } else {
        for (int64_t j = 0; j < count; ++j) op(self[j * self_step], values[j * value_step]);
      }
    } else if (num_indices == 1) {
      const int64_t extent = access.indices[0].extent, stride = access.indices[0].stride;
      const int64_t* entries = part.indices[0] + at[2];
      const int64_t step = walk.inner_stride(2);
      for (int64_t j = 0; j < count; ++j) {
        const int64_t entry = entries[j * step];
        op(self[j * self_step + (entry < 0 ? entry + extent : entry) * stride],
           values[j * value_step]);
      }
    } else {
      for (int64_t j = 0; j < count; ++j) {
        int64_t position = j * self_step;
        for (size_t k = 0; k < num_indices; ++k)
          position +=
              address(access.indices[k], part.indices[k][at[2 + k] + j * walk.inner_stride(2 + k)]);
        op(self[position], values[j * value_step]);
      }
    }
  });
}

// Applies op(element of self, value) over the access. A write is split only along a dim that moves
// `self` itself: the parts then touch disjoint elements, whatever the indices are, and within a part
// the order is row-major, so that the result depends neither on threads nor on chance.
template <class T, class Op>
void visit(const Tensor& self, const Tensor& values, const IndexedAccess& access, bool writes_self,
           Op op) {
  const int64_t total = numel_of(access.sizes);
  if (total == 0) return;
  AccessPart<T> whole = {
      access.sizes, static_cast<T*>(self.data_ptr()), static_cast<T*>(values.data_ptr()), {}};
  for (const auto& k : access.indices) whole.indices.push_back(k.index.data_ptr<int64_t>());
  const std::vector<DimVector> strides = operand_strides(access, values);

  optional<size_t> split;
  for (size_t d = 0; d < access.sizes.size(); ++d) {
    if (writes_self && access.strides[d] == 0) continue;
    if (!split || access.sizes[d] > access.sizes[*split]) split = d;
  }
  if (!split) return visit_part(access, strides, whole, op);

  const size_t d = *split;
  const int64_t grain = std::max<int64_t>(1, kGrain / (total / access.sizes[d]));
  parallel_for(0, access.sizes[d], grain, [&](int64_t begin, int64_t end) {
    AccessPart<T> part = whole;
    part.sizes[d] = end - begin;
    part.self += begin * strides[0][d];
    part.values += begin * strides[1][d];
    for (size_t k = 0; k < part.indices.size(); ++k) part.indices[k] += begin * strides[2 + k][d];
    visit_part(access, strides, part, op);
  });
}

}  // namespace

void indexed_read(const Tensor& out, const Tensor& source, const IndexedAccess& access) {
  dispatch_width(out.element_size(), [&]<class T>() {
    visit<T>(source, out, access, false, [](const T& element, T& value) { value = element; });
  });
}

void indexed_write(const Tensor& target, const Tensor& values, const IndexedAccess& access) {
  dispatch_width(target.element_size(), [&]<class T>() {
    visit<T>(target, values, access, true, [](T& element, const T& value) { element = value; });
  });
}

void indexed_add(const Tensor& target, const Tensor& values, const IndexedAccess& access) {
  dispatch_all(target.dtype(), "indexed_add", [&]<class T>() {
    visit<T>(target, values, access, true,
             [](T& element, const T& value) { element = T(element + value); });
  });
}

optional<int64_t> find_outside(const Tensor& index, int64_t low, int64_t high) {
  if (index.numel() == 0) return nullopt;
  const int64_t* data = index.data_ptr<int64_t>();
  const StridedWalk walk(index.sizes(),
                         {DimVector(index.strides().begin(), index.strides().end())});
  const int64_t step = walk.inner_stride(0);
  const uint64_t span = uint64_t(high) - uint64_t(low);  // one comparison tests both ends
  const auto outside = [=](int64_t entry) { return uint64_t(entry) - uint64_t(low) >= span; };
  optional<int64_t> found;
  walk.run([&](const int64_t* at, int64_t count) {
    const int64_t* entries = data + at[0];
    std::atomic<bool> any = false;
    parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
      bool here = false;
      if (step == 1) {
        for (int64_t j = begin; j < end; ++j) here |= outside(entries[j]);
      } else {
        for (int64_t j = begin; j < end; ++j) here |= outside(entries[j * step]);
      }
      if (here) any = true;
    });
    for (int64_t j = 0; any && !found && j < count; ++j)
      if (outside(entries[j * step])) found = entries[j * step];
  });
  return found;
}

void masked_fill(const Tensor& x, const Tensor& mask, const Scalar& value) {
  if (x.numel() == 0) return;
  dispatch_all(x.dtype(), "masked_fill", [&]<class T>() {
    T* data = x.data_ptr<T>();
    const bool* flags = mask.data_ptr<bool>();
    const T fill = value.to<T>();
    const StridedWalk walk(x.sizes(), {DimVector(x.strides().begin(), x.strides().end()),
                                       broadcast_strides(mask, x.sizes())});
    const int64_t step = walk.inner_stride(0), flag_step = walk.inner_stride(1);
    walk.run([&](const int64_t* at, int64_t count) {
      T* row = data + at[0];
      const bool* row_flags = flags + at[1];
      parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
        if (step == 1 && flag_step == 1) {
          for (int64_t j = begin; j < end; ++j) row[j] = row_flags[j] ? fill : row[j];
        } else {
          for (int64_t j = begin; j < end; ++j)
            if (row_flags[j * flag_step]) row[j * step] = fill;
        }
      });
    });
  });
}

Tensor nonzero(const Tensor& mask) {
  constexpr int64_t kChunk = 65536;
  const bool* flags = mask.data_ptr<bool>();
  const int64_t numel = mask.numel(), rank = mask.dim();
  const int64_t chunks = (numel + kChunk - 1) / kChunk;
  std::vector<int64_t> first(size_t(chunks) + 1, 0);  // the chunk's first row of the result
  parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      first[size_t(c) + 1] =
          std::count(flags + c * kChunk, flags + std::min(numel, (c + 1) * kChunk), true);
  });
  for (size_t c = 0; c < size_t(chunks); ++c) first[c + 1] += first[c];

  Tensor out = empty({first.back(), rank}, TensorOptions(kLong).device(mask.device()));
  int64_t* positions = out.data_ptr<int64_t>();
  parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    int64_t* row = positions + first[size_t(begin)] * rank;
    for (int64_t i = begin * kChunk; i < std::min(numel, end * kChunk); ++i) {
      if (!flags[i]) continue;
      int64_t rest = i;
      for (int64_t d = rank - 1; d >= 0; --d) {
        row[d] = rest % mask.sizes()[size_t(d)];
        rest /= mask.sizes()[size_t(d)];
      }
      row += rank;
    }
  });
  return out;
}

}  // namespace fg::cpu
