// Sorted positions of lines, and positions of the k-th smallest.
//
// Elements become unsigned keys that order as they do (tensor/kernels/sort.h), complemented to sort descending.
// Lines up to kMaxShared elements: a block sorts (key, position) pairs in shared memory by a bitonic network
// (Batcher 1968); positions break ties, so the order is the stable one. Bytes: each element read once, each
// wanted position written once.
// Longer lines: stable radix sorts of the whole device over batches of lines; 32-bit keys carry the line's number
// in a 64-bit key's upper half, 64-bit keys are sorted by key, then by line.

#include "cuda/kernels/radix_sort.h"
#include "cuda/launch.h"
#include "cuda/shared.cuh"
#include "tensor/factories.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/sort.h"

namespace fg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMaxShared = 2048;          // elements of a line that a block sorts
constexpr int64_t kBatch = int64_t(1) << 28;  // elements per radix sort

/// What of a sorted line is wanted: `count` positions from rank `first` on; with `nan_wins` the first NaN's
/// instead, if there is one (count is 1 then).
struct Wanted {
  int64_t first, count;
  bool nan_wins;
};

struct SortLines {
  int64_t extent;
  int64_t stride = 1;
  int64_t count;

  SortLines(const Tensor& x, int64_t dim) : extent(x.dim() ? x.size(dim) : 1) {
    for (int64_t d = dim + 1; d < x.dim(); ++d) stride *= x.size(d);
    count = extent == 0 ? 0 : x.numel() / extent;
  }
  __device__ int64_t offset(int64_t line, int64_t i) const {
    return (line / stride * extent + i) * stride + line % stride;
  }
  /// The same for a result with `results` elements per line.
  __device__ int64_t result_offset(int64_t line, int64_t i, int64_t results) const {
    return (line / stride * results + i) * stride + line % stride;
  }
};

/// The type whose order a T has: float for the 16-bit types.
template <class T>
using Ordered = std::conditional_t<std::is_integral_v<T>, T, Compute<T>>;
template <class T>
using Key = SortKey<Ordered<T>>;

template <class T>
__device__ __forceinline__ Key<T> key_of(const T& value, bool descending) {
  const Key<T> key = sort_key(Ordered<T>(value));
  return descending ? ~key : key;
}

/// The rank of the wanted line's i-th result, from its sorted keys: is_nan(rank) tells NaNs, which are last.
template <class IsNan>
__device__ int64_t wanted_rank(const Wanted& wanted, int64_t i, int64_t extent, IsNan is_nan) {
  if (!wanted.nan_wins || !is_nan(extent - 1)) return wanted.first + i;
  int64_t low = 0, high = extent - 1;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (is_nan(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// A key with its position; those of narrow keys are one number.
template <class K>
struct Entry {
  K key;
  uint32_t position;
  __device__ bool operator<(const Entry& other) const {
    return key != other.key ? key < other.key : position < other.position;
  }
};

/// Sorts `entries`, a power of two of them, ascending. The whole block calls it.
template <class E>
__device__ void bitonic_sort(E* entries, int count) {
  for (int size = 2; size <= count; size *= 2) {
    for (int step = size / 2; step > 0; step /= 2) {
      __syncthreads();
      for (int pair = threadIdx.x; pair < count / 2; pair += blockDim.x) {
        const int low = 2 * pair - (pair & (step - 1)), high = low + step;
        const bool ascending = (low & size) == 0;
        const E a = entries[low], b = entries[high];
        if ((b < a) == ascending) entries[low] = b, entries[high] = a;
      }
    }
  }
  __syncthreads();
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    sort_shared_kernel(int64_t* indices, const T* x, SortLines lines, int padded, bool descending,
                       Wanted wanted) {
  using K = Key<T>;
  Entry<K>* const entries = dynamic_shared<Entry<K>>();
  for (int64_t line = blockIdx.x; line < lines.count; line += gridDim.x) {
    __syncthreads();  // the previous line's results have been read
    for (int i = threadIdx.x; i < padded; i += blockDim.x)
      entries[i] = i < lines.extent
                       ? Entry<K>{key_of(x[lines.offset(line, i)], descending), uint32_t(i)}
                       : Entry<K>{~K(0), ~uint32_t(0)};  // behind every element
    bitonic_sort(entries, padded);
    const auto is_nan = [&](int64_t rank) { return entries[rank].key == kNanKey<Ordered<T>>; };
    for (int64_t i = threadIdx.x; i < wanted.count; i += blockDim.x)
      indices[lines.result_offset(line, i, wanted.count)] =
          entries[wanted_rank(wanted, i, lines.extent, is_nan)].position;
  }
}

/// Of a batch of lines from `first_line` on, whose elements are numbered line by line.
template <class T, class K>
__global__ void __launch_bounds__(kThreads)
    make_keys_kernel(K* keys, uint32_t* numbers, const T* x, SortLines lines, int64_t first_line,
                     int64_t count, bool descending) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const int64_t line = i / lines.extent;
    const auto key =
        key_of(x[lines.offset(first_line + line, i - line * lines.extent)], descending);
    if constexpr (sizeof(key) == 4)
      keys[i] = K(line) << 32 | key;
    else
      keys[i] = key;
    numbers[i] = uint32_t(i);
  }
}

/// The lines of sorted elements, as keys of a second sort.
__global__ void __launch_bounds__(kThreads)
    line_keys_kernel(uint32_t* line_keys, const uint32_t* numbers, int64_t extent, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads)
    line_keys[i] = uint32_t(numbers[i] / extent);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    store_sorted_kernel(int64_t* indices, const uint32_t* numbers, const T* x, SortLines lines,
                        int64_t first_line, int64_t count, Wanted wanted) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const int64_t line = i / wanted.count, k = i - line * wanted.count;
    const uint32_t* const sorted = numbers + line * lines.extent;
    const auto position = [&](int64_t rank) { return sorted[rank] - line * lines.extent; };
    const auto is_nan = [&](int64_t rank) {
      const auto value = Ordered<T>(x[lines.offset(first_line + line, position(rank))]);
      return value != value;
    };
    indices[lines.result_offset(first_line + line, k, wanted.count)] =
        position(wanted_rank(wanted, k, lines.extent, is_nan));
  }
}

/// Two arrays of `count` Ks: one to sort from, one to sort to.
template <class K>
struct Buffers {
  Tensor memory;
  K *from, *to;

  Buffers(int64_t count, Device device)
      : memory(empty({2, count}, TensorOptions(sizeof(K) == 4 ? kInt : kLong).device(device))),
        from(static_cast<K*>(memory.data_ptr())),
        to(from + count) {}
};

template <class T>
void sort_batch(int64_t* indices, const T* x, const SortLines& lines, int64_t first_line,
                int64_t num_lines, bool descending, const Wanted& wanted, Device device) {
  const int64_t count = num_lines * lines.extent;
  const LaunchShape shape = one_thread_each(count, kThreads);
  Buffers<uint64_t> keys(count, device);
  Buffers<uint32_t> numbers(count, device);
  launch(make_keys_kernel<T, uint64_t>, shape, keys.from, numbers.from, x, lines, first_line, count,
         descending);
  const int line_bits = bits_of(uint64_t(num_lines - 1));
  const bool narrow = sizeof(Key<T>) == 4;
  sort_pairs(keys.from, keys.to, numbers.from, numbers.to, count,
             narrow && num_lines > 1 ? 32 + line_bits : int(8 * sizeof(Key<T>)), device);
  if (!narrow && num_lines > 1) {
    auto* const line_keys = reinterpret_cast<uint32_t*>(keys.from);
    launch(line_keys_kernel, shape, line_keys, numbers.to, lines.extent, count);
    sort_pairs(line_keys, line_keys + count, numbers.to, numbers.from, count, line_bits, device);
    std::swap(numbers.from, numbers.to);
  }
  launch(store_sorted_kernel<T>, one_thread_each(num_lines * wanted.count, kThreads), indices,
         numbers.to, x, lines, first_line, num_lines * wanted.count, wanted);
}

template <class T>
void order_lines(const Tensor& indices, const Tensor& x, int64_t dim, bool descending,
                 const Wanted& wanted) {
  const SortLines lines(x, dim);
  int64_t* const out = indices.data_ptr<int64_t>();
  const T* const in = x.data_ptr<T>();
  if (lines.extent <= kMaxShared) {
    const auto padded = unsigned(std::bit_ceil(uint64_t(lines.extent)));
    const unsigned threads = std::clamp(padded / 2, 32u, unsigned(kThreads));
    launch(sort_shared_kernel<T>,
           one_block_each(lines.count, threads, padded * sizeof(Entry<Key<T>>)), out, in, lines,
           int(padded), descending, wanted);
    return;
  }
  ENSURE(lines.extent <= int64_t(0xffffffff),
         "sort: lines must have fewer than 2^32 elements on CUDA, got ", lines.extent);
  const int64_t batch = std::max<int64_t>(1, kBatch / lines.extent);
  for (int64_t line = 0; line < lines.count; line += batch)
    sort_batch(out, in, lines, line, std::min(batch, lines.count - line), descending, wanted,
               x.device());
}

void order(const Tensor& indices, const Tensor& x, int64_t dim, bool descending,
           const Wanted& wanted) {
  if (indices.numel() == 0) return;
  if (x.dtype() == kLong) return order_lines<int64_t>(indices, x, dim, descending, wanted);
  dispatch_floating(x.dtype(), "sort",
                    [&]<class T>() { order_lines<T>(indices, x, dim, descending, wanted); });
}

}  // namespace

void sort_indices(const Tensor& indices, const Tensor& x, int64_t dim, bool descending) {
  const int64_t count = indices.dim() ? indices.size(dim) : 1;
  order(indices, x, dim, descending, {0, count, false});
}

void kth_index(const Tensor& indices, const Tensor& x, int64_t dim, int64_t k, bool nan_wins) {
  order(indices, x, dim, false, {k, 1, nan_wins && x.dtype() != kLong});
}

}  // namespace fg::cuda
