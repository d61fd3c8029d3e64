// Elements are mapped to unsigned keys that order as the elements do; what is sorted are (key,
// position) pairs. Positions break ties, so that any sort is stable, and one instance of the sort
// serves every element type.
#include "tensor/kernels/sort.h"

#include <cmath>

#include "tensor/cpu/lines.h"

namespace fg::cpu {
namespace {

struct WideEntry {
  uint64_t key;
  int64_t position;
  bool operator<(const WideEntry& other) const {
    return key != other.key ? key < other.key : position < other.position;
  }
};
int64_t position_of(const WideEntry& entry) { return entry.position; }
int64_t position_of(uint64_t entry) { return int64_t(entry & 0xffffffffu); }

// Fills `entries` from each line, lets select(entries) order them, and stores the first
// indices.size(dim) positions.
template <class Entry, class T, class Select>
void order_lines(const Tensor& indices, const Tensor& x, int64_t dim, bool descending,
                 Select select) {
  const Lines lines(x, dim), results(indices, dim);
  const T* data = x.data_ptr<T>();
  int64_t* out = indices.data_ptr<int64_t>();
  const int64_t grain = std::max<int64_t>(1, kGrain / 8 / std::max<int64_t>(lines.extent, 1));
  parallel_for(0, lines.count, grain, [&](int64_t begin, int64_t end) {
    std::vector<Entry> entries(static_cast<size_t>(lines.extent));
    for (int64_t line = begin; line < end; ++line) {
      const T* from = data + lines.first(line);
      for (int64_t i = 0; i < lines.extent; ++i) {
        auto key = sort_key(from[i * lines.stride]);
        if (descending) key = ~key;
        if constexpr (std::is_same_v<Entry, uint64_t>)
          entries[size_t(i)] = uint64_t(key) << 32 | uint64_t(i);
        else
          entries[size_t(i)] = {key, i};
      }
      select(entries);
      for (int64_t i = 0; i < results.extent; ++i)
        out[results.first(line) + i * lines.stride] = position_of(entries[size_t(i)]);
    }
  });
}

template <class Select>
void order(const Tensor& indices, const Tensor& x, int64_t dim, bool descending, Select select) {
  if (indices.numel() == 0) return;
  dispatch_compute(x.dtype(), "sort", [&]<class T>() {
    if constexpr (sizeof(T) == 4) {
      if (Lines(x, dim).extent <= int64_t(0xffffffff))
        return order_lines<uint64_t, T>(indices, x, dim, descending, select);
    }
    order_lines<WideEntry, T>(indices, x, dim, descending, select);
  });
}

}  // namespace

void sort_indices(const Tensor& indices, const Tensor& x, int64_t dim, bool descending) {
  const int64_t count = Lines(indices, dim).extent;
  order(indices, x, dim, descending, [count](auto& entries) {
    const auto middle = entries.begin() + count;
    // A heap of a few entries turns most others away with one comparison.
    if (count * 16 < int64_t(entries.size())) {
      std::partial_sort(entries.begin(), middle, entries.end());
      return;
    }
    if (middle != entries.end()) std::nth_element(entries.begin(), middle, entries.end());
    std::sort(entries.begin(), middle);
  });
}

void kth_index(const Tensor& indices, const Tensor& x, int64_t dim, int64_t k, bool nan_wins) {
  order(indices, x, dim, false, [k](auto& entries) {
    std::nth_element(entries.begin(), entries.begin() + k, entries.end());
    std::swap(entries[0], entries[size_t(k)]);
  });
  if (!nan_wins || x.dtype() == kLong) return;
  const Lines lines(x, dim), results(indices, dim);
  dispatch_float_double(x.dtype(), "kth_index", [&]<class T>() {
    const T* data = x.data_ptr<T>();
    for (int64_t line = 0; line < lines.count; ++line) {
      int64_t i = 0;
      while (i < lines.extent && !std::isnan(data[lines.first(line) + i * lines.stride])) ++i;
      if (i < lines.extent) indices.data_ptr<int64_t>()[results.first(line)] = i;
    }
  });
}

}  // namespace fg::cpu
