// Host emulation of CUDA: stand-ins for cub::DeviceRadixSort, DeviceSegmentedRadixSort and
// DeviceSegmentedSort.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <numeric>
#include <vector>

#include "../cuda_host_run.h"

namespace cuda_host {

struct NoValue {};

/// A key's bits in rising order of keys, as CUB reads them: -0 as 0, NaN beyond infinity on its sign's side.
template <class T>
uint64_t ordered_bits(T key) {
  if constexpr (std::is_floating_point_v<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    constexpr Bits kSign = Bits(1) << (8 * sizeof(T) - 1);
    Bits bits = std::bit_cast<Bits>(key);
    if (bits == kSign) bits = 0;
    return bits & kSign ? Bits(~bits) : Bits(bits | kSign);
  } else if constexpr (std::is_signed_v<T>) {
    using Bits = std::make_unsigned_t<T>;
    return Bits(Bits(key) ^ (Bits(1) << (8 * sizeof(T) - 1)));
  } else {
    return uint64_t(key);
  }
}

struct SortOrder {
  bool descending = false;
  int begin_bit = 0;
  int end_bit = 64;
  bool stable = true;
};

/// Sorts [begin, end). An unstable sort turns equal keys round, so that nobody relies on their order.
template <class K, class V>
void sort_range(const K* keys_in, K* keys_out, const V* values_in, V* values_out, int64_t begin,
                int64_t end, SortOrder how) {
  if (end <= begin) return;
  const int bits = how.end_bit - how.begin_bit;
  const uint64_t mask = bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1;
  struct Row {
    uint64_t digits;
    int64_t from;
  };
  std::vector<Row> rows(size_t(end - begin));
  for (int64_t i = begin; i < end; ++i) {
    const uint64_t digits = bits == 0 ? 0 : ordered_bits(keys_in[i]) >> how.begin_bit & mask;
    rows[size_t(i - begin)] = {how.descending ? ~digits : digits, i};
  }
  if (!how.stable) std::reverse(rows.begin(), rows.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.digits < b.digits; });
  for (int64_t i = begin; i < end; ++i) {
    const int64_t from = rows[size_t(i - begin)].from;
    keys_out[i] = keys_in[from];
    if constexpr (!std::is_same_v<V, NoValue>) values_out[i] = values_in[from];
  }
}

template <class K, class V>
cudaError_t sort(void* storage, size_t& bytes, const K* keys_in, K* keys_out, const V* values_in,
                 V* values_out, int64_t items, SortOrder how, cudaStream_t stream) {
  static_assert(std::is_arithmetic_v<K>, "CUB sorts other keys by a decomposer only");
  if (storage) {
    forbid_overlap(keys_in, keys_out, items);
    if constexpr (!std::is_same_v<V, NoValue>) forbid_overlap(values_in, values_out, items);
  }
  return with_temporary_storage(storage, bytes, items, stream, [=] {
    sort_range(keys_in, keys_out, values_in, values_out, 0, items, how);
  });
}

template <class K, class V, class Begins, class Ends>
cudaError_t sort_segments(void* storage, size_t& bytes, const K* keys_in, K* keys_out,
                          const V* values_in, V* values_out, int64_t items, int64_t segments,
                          Begins begins, Ends ends, SortOrder how, cudaStream_t stream) {
  static_assert(std::is_arithmetic_v<K>, "CUB does not sort segments of other keys");
  if (storage) {
    forbid_overlap(keys_in, keys_out, items);
    if constexpr (!std::is_same_v<V, NoValue>) forbid_overlap(values_in, values_out, items);
  }
  return with_temporary_storage(storage, bytes, items + segments, stream, [=] {
    for (int64_t segment = 0; segment < segments; ++segment) {
      const int64_t begin = int64_t(begins[segment]);
      const int64_t end = int64_t(ends[segment]);
      if (begin < 0 || end > items)
        throw Error("host emulation of CUDA: cub: a segment lies outside the items");
      sort_range(keys_in, keys_out, values_in, values_out, begin, end, how);
    }
  });
}

/// Runs sort(from, to) on a double buffer: the values change sides, and the old side is undefined.
template <class T, class Sort>
cudaError_t sort_double_buffer(void* storage, cub::DoubleBuffer<T>& keys, Sort sort) {
  const cudaError_t error = sort(keys.Current(), keys.Alternate());
  if (storage && error == cudaSuccess) keys.selector ^= 1;
  return error;
}

inline NoValue* const no_values = nullptr;

}  // namespace cuda_host

namespace cub {

struct DeviceRadixSort {
#define CUDA_HOST_SORT(suffix, descending)                                                         \
  template <class K, class N>                                                                      \
  static cudaError_t SortKeys##suffix(void* storage, size_t& bytes, const K* in, K* out, N items,  \
                                      int begin_bit = 0, int end_bit = int(sizeof(K) * 8),         \
                                      cudaStream_t stream = nullptr) {                             \
    return cuda_host::sort(storage, bytes, in, out, cuda_host::no_values, cuda_host::no_values,    \
                           int64_t(items), {descending, begin_bit, end_bit}, stream);              \
  }                                                                                                \
  template <class K, class N>                                                                      \
  static cudaError_t SortKeys##suffix(                                                             \
      void* storage, size_t& bytes, DoubleBuffer<K>& keys, N items, int begin_bit = 0,             \
      int end_bit = int(sizeof(K) * 8), cudaStream_t stream = nullptr) {                           \
    return cuda_host::sort_double_buffer(storage, keys, [&](K* in, K* out) {                       \
      return SortKeys##suffix(storage, bytes, in, out, items, begin_bit, end_bit, stream);         \
    });                                                                                            \
  }                                                                                                \
  template <class K, class V, class N>                                                             \
  static cudaError_t SortPairs##suffix(void* storage, size_t& bytes, const K* keys_in,             \
                                       K* keys_out, const V* values_in, V* values_out, N items,    \
                                       int begin_bit = 0, int end_bit = int(sizeof(K) * 8),        \
                                       cudaStream_t stream = nullptr) {                            \
    return cuda_host::sort(storage, bytes, keys_in, keys_out, values_in, values_out,               \
                           int64_t(items), {descending, begin_bit, end_bit}, stream);              \
  }                                                                                                \
  template <class K, class V, class N>                                                             \
  static cudaError_t SortPairs##suffix(                                                            \
      void* storage, size_t& bytes, DoubleBuffer<K>& keys, DoubleBuffer<V>& values, N items,       \
      int begin_bit = 0, int end_bit = int(sizeof(K) * 8), cudaStream_t stream = nullptr) {        \
    return cuda_host::sort_double_buffer(storage, keys, [&](K* in, K* out) {                       \
      return cuda_host::sort_double_buffer(storage, values, [&](V* values_in, V* values_out) {     \
        return SortPairs##suffix(storage, bytes, in, out, values_in, values_out, items, begin_bit, \
                                 end_bit, stream);                                                 \
      });                                                                                          \
    });                                                                                            \
  }
  CUDA_HOST_SORT(, false)
  CUDA_HOST_SORT(Descending, true)
#undef CUDA_HOST_SORT
};

struct DeviceSegmentedRadixSort {
#define CUDA_HOST_SORT(suffix, descending)                                                    \
  template <class K, class Begins, class Ends>                                                \
  static cudaError_t SortKeys##suffix(void* storage, size_t& bytes, const K* in, K* out,      \
                                      int items, int segments, Begins begins, Ends ends,      \
                                      int begin_bit = 0, int end_bit = int(sizeof(K) * 8),    \
                                      cudaStream_t stream = nullptr) {                        \
    return cuda_host::sort_segments(storage, bytes, in, out, cuda_host::no_values,            \
                                    cuda_host::no_values, items, segments, begins, ends,      \
                                    {descending, begin_bit, end_bit}, stream);                \
  }                                                                                           \
  template <class K, class V, class Begins, class Ends>                                       \
  static cudaError_t SortPairs##suffix(                                                       \
      void* storage, size_t& bytes, const K* keys_in, K* keys_out, const V* values_in,        \
      V* values_out, int items, int segments, Begins begins, Ends ends, int begin_bit = 0,    \
      int end_bit = int(sizeof(K) * 8), cudaStream_t stream = nullptr) {                      \
    return cuda_host::sort_segments(storage, bytes, keys_in, keys_out, values_in, values_out, \
                                    items, segments, begins, ends,                            \
                                    {descending, begin_bit, end_bit}, stream);                \
  }
  CUDA_HOST_SORT(, false)
  CUDA_HOST_SORT(Descending, true)
#undef CUDA_HOST_SORT
};

struct DeviceSegmentedSort {
#define CUDA_HOST_SORT(prefix, suffix, descending, stable)                                       \
  template <class K, class Begins, class Ends>                                                   \
  static cudaError_t prefix##SortKeys##suffix(void* storage, size_t& bytes, const K* in, K* out, \
                                              int64_t items, int64_t segments, Begins begins,    \
                                              Ends ends, cudaStream_t stream = nullptr) {        \
    return cuda_host::sort_segments(storage, bytes, in, out, cuda_host::no_values,               \
                                    cuda_host::no_values, items, segments, begins, ends,         \
                                    {descending, 0, 64, stable}, stream);                        \
  }                                                                                              \
  template <class K, class V, class Begins, class Ends>                                          \
  static cudaError_t prefix##SortPairs##suffix(void* storage, size_t& bytes, const K* keys_in,   \
                                               K* keys_out, const V* values_in, V* values_out,   \
                                               int64_t items, int64_t segments, Begins begins,   \
                                               Ends ends, cudaStream_t stream = nullptr) {       \
    return cuda_host::sort_segments(storage, bytes, keys_in, keys_out, values_in, values_out,    \
                                    items, segments, begins, ends, {descending, 0, 64, stable},  \
                                    stream);                                                     \
  }
  CUDA_HOST_SORT(, , false, false)
  CUDA_HOST_SORT(, Descending, true, false)
  CUDA_HOST_SORT(Stable, , false, true)
  CUDA_HOST_SORT(Stable, Descending, true, true)
#undef CUDA_HOST_SORT
};

}  // namespace cub
