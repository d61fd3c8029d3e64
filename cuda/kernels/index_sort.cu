// Indexed writes of which the last must stay, and indexed additions, deterministic by sorting.
//
// An access is entries x slices: an entry is a position of the dims along which the index moves, a slice the
// elements of the addressed tensor that an entry moves as a whole (RowMajorSpace of each). A slice's place is
// the entry's key. Entries are sorted by key, stably, so that those of one slice stand together, in
// row-major order.
//   write: of each run of equal keys the last entry is stored; one thread per entry and word.
//   add: sorted entries are cut into chunks. A thread owns a chunk and a column (a pack of a slice) and adds
//   the entries of a run in order, the target's value first. A run within a chunk goes to the target at once;
//   the pieces of a longer one to scratch, from where a second kernel adds them in order. The chunk's length
//   depends on the number of entries only, so the result does on nothing else.
// Bytes: the sort's passes over 8 or 12 bytes per entry; then each value once, each target element that is
// met read and written once. 16-bit types add in float, with one rounding per element.

#include <numeric>

#include "cuda/kernels/index_access.cuh"
#include "cuda/kernels/radix_sort.h"
#include "cuda/kernels/word.h"
#include "cuda/launch.h"
#include "cuda/vector.cuh"
#include "tensor/factories.h"
#include "tensor/kernels/convert.h"
#include "tensor/kernels/dispatch.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;
// Entries per chunk: few, so that there are many threads, unless there are many entries.
constexpr uint32_t kShortChunk = 32, kLongChunk = 256, kManyEntries = 1 << 17;

/// A key is the slice's offset over `unit`; the key of an entry out of range is the largest.
template <class Key>
__global__ void __launch_bounds__(kThreads)
    entry_keys_kernel(Key* keys, uint32_t* positions, EntryReader entries, OffsetTable<3> table,
                      int64_t unit, Key nowhere, uint32_t count) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  int64_t at[3];
  table.locate(i, at);
  const int64_t chosen = entries.offset(at[IndexPlan::kIndex]);
  const int64_t offset = at[IndexPlan::kSelf] + chosen;
  keys[i] = chosen == EntryRule::kNowhere ? nowhere : Key(unit == 1 ? offset : offset / unit);
  positions[i] = i;
}

/// What the kernels below walk: sorted entries times the columns of a slice.
template <class Key>
struct SortedEntries {
  const Key* keys;
  const uint32_t* positions;
  Key nowhere;
  int64_t unit;
  uint32_t count;
  OffsetTable<3> entries, slices;

  __device__ int64_t value_offset(uint32_t j) const {
    int64_t at[3];
    entries.locate(positions[j], at);
    return at[IndexPlan::kValues];
  }
  /// The first of the sorted entries whose key is greater than that of entry j.
  __device__ uint32_t run_end(uint32_t j) const {
    uint32_t low = j + 1, high = count;
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (keys[middle] == keys[j])
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }
};

template <class Word, class Key>
__global__ void __launch_bounds__(kThreads)
    write_last_kernel(Word* self, const Word* values, SortedEntries<Key> sorted, Divider columns,
                      uint32_t total) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= total) return;
  const uint32_t j = columns.quotient(i);
  const Key key = sorted.keys[j];
  if (key == sorted.nowhere || (j + 1 < sorted.count && sorted.keys[j + 1] == key)) return;
  int64_t at[3];
  sorted.slices.locate(i - j * columns.divisor(), at);
  self[int64_t(key) * sorted.unit + at[IndexPlan::kSelf]] =
      values[sorted.value_offset(j) + at[IndexPlan::kValues]];
}

/// What sums of T are kept in; integers wrap.
template <class T>
using Sum = std::conditional_t<is_floating(scalar_type_of<T>), Compute<T>, uint64_t>;

template <class T, int kWidth>
struct Accumulator {
  Sum<T> at[kWidth];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int k = 0; k < kWidth; ++k) at[k] = 0;
  }
  __device__ __forceinline__ void add(const Pack<T, kWidth>& pack) {
#pragma unroll
    for (int k = 0; k < kWidth; ++k) at[k] += Sum<T>(pack.at[k]);
  }
  __device__ __forceinline__ void add(const Accumulator& other) {
#pragma unroll
    for (int k = 0; k < kWidth; ++k) at[k] += other.at[k];
  }
  __device__ __forceinline__ Pack<T, kWidth> rounded() const {
    Pack<T, kWidth> pack;
#pragma unroll
    for (int k = 0; k < kWidth; ++k) pack.at[k] = convert<T>(at[k]);
    return pack;
  }
};

/// Sums of the runs that cross chunk borders: of each chunk the run that it continues, then the one that it
/// starts and does not end.
template <class T, int kWidth>
struct Pieces {
  Accumulator<T, kWidth>* data;
  uint32_t columns;

  __device__ Accumulator<T, kWidth>& at(uint32_t chunk, bool starts, uint32_t column) const {
    return data[(int64_t(chunk) * 2 + starts) * columns + column];
  }
};

template <class T, int kWidth, class Key>
__global__ void __launch_bounds__(kThreads)
    add_chunks_kernel(Pack<T, kWidth>* self, const Pack<T, kWidth>* values,
                      SortedEntries<Key> sorted, Divider columns, Pieces<T, kWidth> pieces,
                      uint32_t chunk_length, uint32_t total) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= total) return;
  const uint32_t chunk = columns.quotient(i), column = i - chunk * columns.divisor();
  int64_t slice[3];
  sorted.slices.locate(column, slice);
  self += slice[IndexPlan::kSelf];
  values += slice[IndexPlan::kValues];

  const uint32_t begin = chunk * chunk_length;
  const uint32_t end = min(begin + chunk_length, sorted.count);
  Key key = sorted.keys[begin];
  bool continued = begin > 0 && sorted.keys[begin - 1] == key;
  Accumulator<T, kWidth> sum;
  for (uint32_t j = begin; j < end; ++j) {
    if (key == sorted.nowhere) return;  // the largest key: only such follow
    Pack<T, kWidth>& target = self[int64_t(key) * sorted.unit];
    if (j == begin || sorted.keys[j - 1] != key) {
      sum.clear();
      if (!continued) sum.add(target);
    }
    sum.add(values[sorted.value_offset(j)]);
    const bool goes_on = j + 1 < sorted.count && sorted.keys[j + 1] == key;
    if (goes_on && j + 1 < end) continue;
    if (continued || goes_on)
      pieces.at(chunk, !continued, column) = sum;
    else
      target = sum.rounded();
    if (j + 1 < end) key = sorted.keys[j + 1];
    continued = false;
  }
}

/// Threads of the chunk where a run of several chunks starts add its pieces.
template <class T, int kWidth, class Key>
__global__ void __launch_bounds__(kThreads)
    add_pieces_kernel(Pack<T, kWidth>* self, SortedEntries<Key> sorted, Divider columns,
                      Pieces<T, kWidth> pieces, uint32_t chunk_length, uint32_t total) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= total) return;
  const uint32_t chunk = columns.quotient(i), column = i - chunk * columns.divisor();
  const uint32_t begin = chunk * chunk_length, end = begin + chunk_length;
  if (end >= sorted.count) return;
  const Key key = sorted.keys[end - 1];
  if (sorted.keys[end] != key || key == sorted.nowhere) return;
  const bool starts_here = begin == 0 || sorted.keys[begin - 1] != key;
  if (!starts_here) return;
  Accumulator<T, kWidth> sum = pieces.at(chunk, true, column);
  const uint32_t last = (sorted.run_end(end) - 1) / chunk_length;
#pragma unroll 4
  for (uint32_t c = chunk + 1; c <= last; ++c) sum.add(pieces.at(c, false, column));
  int64_t slice[3];
  sorted.slices.locate(column, slice);
  self[slice[IndexPlan::kSelf] + int64_t(key) * sorted.unit] = sum.rounded();
}

/// Sorts the entries of a plan and calls body(sorted).
template <class Key, class Body>
void with_sorted_keys(const IndexPlan& plan, const RowMajorSpace& entries, int64_t unit,
                      Key nowhere, const Body& body) {
  const int64_t count = entries.numel();
  const TensorOptions options = TensorOptions(kInt).device(plan.device);
  const Tensor keys = empty({2, count}, options.dtype(sizeof(Key) == 4 ? kInt : kLong));
  const Tensor positions = empty({2, count}, options);
  Key* const key_data = static_cast<Key*>(keys.data_ptr());
  auto* const position_data = static_cast<uint32_t*>(positions.data_ptr());
  const auto table = entries.table<3>();
  launch(entry_keys_kernel<Key>, one_thread_each(count, kThreads), key_data, position_data,
         EntryReader(plan), table, unit, nowhere, uint32_t(count));
  sort_pairs(key_data, key_data + count, position_data, position_data + count, count,
             bits_of(nowhere), plan.device);
  body(SortedEntries<Key>{key_data + count, position_data + count, nowhere, unit, uint32_t(count),
                          table, plan.slices().table<3>()});
}

/// Calls body(sorted entries), with keys as wide as the addressed tensor needs.
template <class Body>
void with_sorted_entries(const IndexPlan& plan, const Body& body) {
  const RowMajorSpace entries = plan.entries();
  int64_t unit = plan.rule.stride, largest = plan.largest_chosen();
  for (size_t d = 0; d < entries.sizes.size(); ++d) {
    const int64_t stride = entries.strides[IndexPlan::kSelf][d];
    unit = std::gcd(unit, stride);
    largest += (entries.sizes[d] - 1) * stride;
  }
  unit = std::max<int64_t>(unit, 1);
  const uint64_t nowhere = uint64_t(largest / unit) + 1;
  if (nowhere <= std::numeric_limits<uint32_t>::max())
    with_sorted_keys<uint32_t>(plan, entries, unit, uint32_t(nowhere), body);
  else
    with_sorted_keys<uint64_t>(plan, entries, unit, nowhere, body);
}

template <class T, int kWidth>
void add_packs(const IndexPlan& plan) {
  with_sorted_entries(plan, [&]<class Key>(const SortedEntries<Key>& sorted) {
    const int64_t columns = plan.slices().numel();
    const uint32_t chunk_length = sorted.count > kManyEntries ? kLongChunk : kShortChunk;
    const int64_t chunks = (sorted.count + chunk_length - 1) / chunk_length;
    using Piece = Accumulator<T, kWidth>;
    const Tensor scratch = empty({chunks * 2 * columns * int64_t(sizeof(Piece))},
                                 TensorOptions(kByte).device(plan.device));
    const Pieces<T, kWidth> pieces{static_cast<Piece*>(scratch.data_ptr()), uint32_t(columns)};
    const LaunchShape shape = one_thread_each(chunks * columns, kThreads);
    auto* const self = reinterpret_cast<Pack<T, kWidth>*>(plan.self);
    const auto* const values = reinterpret_cast<const Pack<T, kWidth>*>(plan.values);
    const Divider by_columns{uint32_t(columns)};
    const uint32_t total = uint32_t(chunks * columns);
    launch(add_chunks_kernel<T, kWidth, Key>, shape, self, values, sorted, by_columns, pieces,
           chunk_length, total);
    if (chunks > 1)
      launch(add_pieces_kernel<T, kWidth, Key>, shape, self, sorted, by_columns, pieces,
             chunk_length, total);
  });
}

}  // namespace

void write_sorted(const IndexPlan& plan) {
  const int64_t total = plan.space.numel();
  if (total == 0) return;
  if (total > kMaxElements) {  // the later half's writes stay
    const auto [first, second] = plan.halves();
    write_sorted(first);
    return write_sorted(second);
  }
  const Divider columns{uint32_t(plan.slices().numel())};
  with_sorted_entries(plan, [&]<class Key>(const SortedEntries<Key>& sorted) {
    dispatch_word(plan.word_bytes, [&]<class Word>() {
      launch(write_last_kernel<Word, Key>, one_thread_each(total, kThreads),
             reinterpret_cast<Word*>(plan.self), reinterpret_cast<const Word*>(plan.values), sorted,
             columns, uint32_t(total));
    });
  });
}

void add_sorted(const IndexPlan& plan, ScalarType type) {
  const int64_t total = plan.space.numel();
  if (total == 0) return;
  if (total > kMaxElements) {
    const auto [first, second] = plan.halves();
    add_sorted(first, type);
    return add_sorted(second, type);
  }
  IndexPlan wide = plan;
  wide.widen(kVectorBytes);
  dispatch_all(type, "indexed_add", [&]<class T>() {
    if (wide.word_bytes == kVectorBytes)
      add_packs<T, kVectorBytes / int(sizeof(T))>(wide);
    else
      add_packs<T, 1>(plan);
  });
}

}  // namespace fg::cuda
