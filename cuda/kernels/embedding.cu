// Rows of a table by number, and the sum of gradients per row.
//
// Forward copies count x width elements in words of up to 16 bytes, four per thread. Backward sorts (index,
// position) pairs, stably, finds where each row's run begins, and lets a thread add some packs of a row's gradients
// in the order of positions: grad_y is read once and grad_weight written once, rows without gradient included.
// Runs longer than a chunk of the sorted order are summed by chunk first, and the chunks' sums added in order, so
// that a few heavy rows use as many threads as many light ones; the chunk grows with the root of the count.
// Bytes besides: the sort's passes over 8 bytes per index. 16-bit types add in float and round once. No atomics;
// the order depends on the shape and the indices alone. An index outside of the table is reported and skipped.
#include "cuda/divider.h"
#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/radix_sort.h"
#include "cuda/kernels/word.h"
#include "cuda/kernels/word_packs.cuh"
#include "cuda/launch.h"
#include "cuda/report.cuh"
#include "tensor/factories.h"
#include "tensor/kernels/embedding.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kUnroll = 4;
constexpr uint32_t kShortGap = 8;
// Per thread that sums a row's gradients: packs, and gradients whose packs are on their way together. Measured on an
// H200, with 64 registers a thread.
template <class T>
constexpr int kRowPacks = sizeof(T) == 2 ? 2 : 4;
constexpr int kRowTerms = 2;

template <class Word>
__global__ void __launch_bounds__(kThreads)
    embedding_forward_kernel(Word* y, const Word* weight, const int64_t* indices, int64_t rows,
                             IndexDivider words, int64_t total, Reporter reporter) {
  const int64_t step = int64_t(gridDim.x) * kThreads * kUnroll;
  for (int64_t first = int64_t(blockIdx.x) * kThreads * kUnroll + threadIdx.x; first < total;
       first += step) {
    Word word[kUnroll];
    bool live[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t p = first + u * int64_t(kThreads);
      live[u] = p < total;
      if (!live[u]) continue;
      const int64_t i = words.quotient(p), column = p - i * words.divisor(), row = indices[i];
      live[u] = row >= 0 && row < rows;
      if (live[u])
        word[u] = weight[row * words.divisor() + column];
      else if (column == 0)
        reporter.out_of_range(row, 0, rows);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (live[u]) y[first + u * int64_t(kThreads)] = word[u];
  }
}

/// Indices that have no row to add to get the key behind the last row.
__global__ void __launch_bounds__(kThreads)
    embedding_keys_kernel(uint32_t* keys, uint32_t* positions, const int64_t* indices,
                          uint32_t count, uint32_t rows, int64_t padding_idx) {
  for (uint32_t i = blockIdx.x * kThreads + threadIdx.x; i < count; i += gridDim.x * kThreads) {
    const int64_t row = indices[i];
    keys[i] = row >= 0 && row < rows && row != padding_idx ? uint32_t(row) : rows;
    positions[i] = i;
  }
}

/// starts[v]: the first of the sorted keys that is not below v, for v up to and including rows. A place starts
/// what lies between its predecessor's key and its own; if that is much, the warp writes it together.
__global__ void __launch_bounds__(kThreads)
    embedding_starts_kernel(uint32_t* starts, const uint32_t* keys, uint32_t count, uint32_t rows) {
  const uint32_t lane = threadIdx.x % kWarp;
  for (uint32_t first = blockIdx.x * kThreads + threadIdx.x - lane; first <= count;
       first += gridDim.x * kThreads) {
    const uint32_t place = first + lane;
    const uint32_t from = place > 0 && place <= count ? keys[place - 1] + 1 : 0;
    const uint32_t to = place < count ? keys[place] + 1 : place == count ? rows + 1 : from;
    const bool is_long = from < to && to - from > kShortGap;
    if (!is_long)
      for (uint32_t v = from; v < to; ++v) starts[v] = place;
    for (unsigned left = __ballot_sync(kFullWarp, is_long); left != 0; left &= left - 1) {
      const int source = __ffs(int(left)) - 1;
      const uint32_t begin = __shfl_sync(kFullWarp, from, source);
      const uint32_t end = __shfl_sync(kFullWarp, to, source);
      for (uint32_t v = begin + lane; v < end; v += kWarp) starts[v] = first + uint32_t(source);
    }
  }
}

/// The operands of the sums; a row is `packs` packs of W elements.
template <class T, int W>
struct SegmentSums {
  using C = Compute<T>;
  struct Sum {
    C at[W];
  };
  T* grad_weight;
  const T* grad_y;
  const uint32_t* keys;  // sorted
  const uint32_t* positions;
  const uint32_t* starts;
  Sum* partial;  // [chunks][2][packs]: of the run that fills a chunk's first place, and of its last
  uint32_t chunk;
  int64_t packs;
  bool aligned, scale_by_freq;

  __device__ bool is_heavy(uint32_t row) const { return starts[row + 1] - starts[row] > chunk; }

  __device__ static void add(Sum& sum, const Sum& term) {
#pragma unroll
    for (int j = 0; j < W; ++j) sum.at[j] += term.at[j];
  }
  /// The gradients [begin, end) of the sorted order, in it, of the packs at, at + step, ...; kTerms are on their way.
  template <int kTerms, int kPacks>
  __device__ void add_terms(Sum (&sums)[kPacks], uint32_t begin, uint32_t end, int64_t at,
                            int64_t step) const {
    for (uint32_t k = begin; k < end; k += kTerms) {
      WordPack<T, W> g[kTerms][kPacks];
#pragma unroll
      for (int u = 0; u < kTerms; ++u) {
        const bool live = k + u < end;
        const int64_t row = live ? int64_t(positions[k + u]) * packs : 0;
#pragma unroll
        for (int n = 0; n < kPacks; ++n) {
          const int64_t pack = at + n * step;
          g[u][n] = {};
          if (live && pack < packs) g[u][n] = load_words<W>(grad_y + (row + pack) * W, aligned);
        }
      }
#pragma unroll
      for (int u = 0; u < kTerms; ++u)
#pragma unroll
        for (int n = 0; n < kPacks; ++n)
          if (k + u < end) {
            Sum term;
            unpack(g[u][n], term.at);
            add(sums[n], term);
          }
    }
  }
  __device__ Sum& slot(uint32_t chunk_number, bool last, int64_t pack) const {
    return partial[(int64_t(chunk_number) * 2 + last) * packs + pack];
  }
};

/// The parts of heavy runs that lie in one chunk: no more than two, being longer than it.
template <class T, int W>
__global__ void __launch_bounds__(kThreads)
    embedding_chunks_kernel(SegmentSums<T, W> s, uint32_t count, uint32_t rows, int64_t total) {
  for (int64_t p = int64_t(blockIdx.x) * kThreads + threadIdx.x; p < total;
       p += int64_t(gridDim.x) * kThreads) {
    const int64_t number = p / s.packs, pack = p - number * s.packs;
    const uint32_t begin = uint32_t(number) * s.chunk;
    const uint32_t end = count - begin > s.chunk ? begin + s.chunk : count;
    const auto fill = [&](bool last, uint32_t from, uint32_t to) {
      typename SegmentSums<T, W>::Sum sum[1]{};
      s.template add_terms<kUnroll>(sum, from, to, pack, 0);
      s.slot(uint32_t(number), last, pack) = sum[0];
    };
    const uint32_t first = s.keys[begin], last = s.keys[end - 1];
    if (first < rows && s.is_heavy(first)) {
      const uint32_t to = s.starts[first + 1];
      fill(false, begin, to < end ? to : end);
    }
    if (last != first && last < rows && s.is_heavy(last)) fill(true, s.starts[last], end);
  }
}

/// A thread per kRowPacks packs of a row, `step` apart.
template <class T, int W>
__global__ void __launch_bounds__(kThreads, 4)
    embedding_rows_kernel(SegmentSums<T, W> s, IndexDivider steps, int64_t total) {
  using C = Compute<T>;
  constexpr int kPacks = kRowPacks<T>;
  const int64_t step = steps.divisor();
  for (int64_t p = int64_t(blockIdx.x) * kThreads + threadIdx.x; p < total;
       p += int64_t(gridDim.x) * kThreads) {
    const int64_t row = steps.quotient(p), at = p - row * step;
    const uint32_t begin = s.starts[row], end = s.starts[row + 1];
    typename SegmentSums<T, W>::Sum sums[kPacks]{};
    if (end - begin <= s.chunk)
      s.template add_terms<kRowTerms>(sums, begin, end, at, step);
    else
      for (uint32_t number = begin / s.chunk; number <= (end - 1) / s.chunk; ++number)
#pragma unroll
        for (int n = 0; n < kPacks; ++n)
          // Behind the first place of its first chunk the run is that chunk's last one.
          if (at + n * step < s.packs)
            s.add(sums[n], s.slot(number, number * s.chunk < begin, at + n * step));
    const C factor = s.scale_by_freq && end > begin ? C(1) / C(end - begin) : C(1);
#pragma unroll
    for (int n = 0; n < kPacks; ++n) {
      if (at + n * step >= s.packs) break;
#pragma unroll
      for (int j = 0; j < W; ++j) sums[n].at[j] *= factor;
      store_whole(s.grad_weight + (row * s.packs + at + n * step) * W, packed<T, W>(sums[n].at),
                  s.aligned);
    }
  }
}

/// A power of two near the root of the count: as many terms per chunk as chunks per heaviest run.
uint32_t chunk_length(int64_t count) {
  uint32_t length = 32;
  while (int64_t(length) * length < count) length *= 2;
  return length;
}

template <class T, int W>
void add_rows(const Tensor& grad_weight, const Tensor& grad_y, const uint32_t* keys,
              const uint32_t* positions, const uint32_t* starts, int64_t count,
              bool scale_by_freq) {
  const int64_t rows = grad_weight.size(0), packs = grad_weight.size(1) / W;
  const int64_t chunk = chunk_length(count), chunks = (count + chunk - 1) / chunk;
  using Sums = SegmentSums<T, W>;
  const T* gs = grad_y.data_ptr<T>();
  T* out = grad_weight.data_ptr<T>();
  const Tensor scratch = empty({chunks * 2 * packs * int64_t(sizeof(typename Sums::Sum))},
                               grad_weight.options().dtype(kByte));
  const Sums sums{out,
                  gs,
                  keys,
                  positions,
                  starts,
                  static_cast<typename Sums::Sum*>(scratch.data_ptr()),
                  uint32_t(chunk),
                  packs,
                  all_aligned(out, gs),
                  scale_by_freq};
  launch(embedding_chunks_kernel<T, W>, one_thread_each(chunks * packs, kThreads), sums,
         uint32_t(count), uint32_t(rows), chunks * packs);
  const int64_t steps = (packs + kRowPacks<T> - 1) / kRowPacks<T>;
  launch(embedding_rows_kernel<T, W>, one_thread_each(rows * steps, kThreads), sums,
         IndexDivider(steps, rows * steps), rows * steps);
}

/// The largest word that a row of `bytes` bytes is made of and both arrays start on.
int64_t word_bytes(int64_t bytes, const void* a, const void* b) {
  int64_t word = kVectorBytes;
  while (bytes % word != 0 || !is_aligned(a, word) || !is_aligned(b, word)) word /= 2;
  return word;
}

}  // namespace

void embedding_forward(const Tensor& y, const Tensor& weight, const Tensor& indices) {
  if (y.numel() == 0) return;
  const int64_t row_bytes = weight.size(1) * weight.element_size();
  const int64_t bytes = word_bytes(row_bytes, y.data_ptr(), weight.data_ptr());
  const int64_t words = row_bytes / bytes, total = indices.numel() * words;
  dispatch_word(bytes, [&]<class Word>() {
    launch(embedding_forward_kernel<Word>,
           one_block_each((total + kThreads * kUnroll - 1) / (kThreads * kUnroll), kThreads),
           static_cast<Word*>(y.data_ptr()), static_cast<const Word*>(weight.data_ptr()),
           indices.data_ptr<int64_t>(), weight.size(0), IndexDivider(words, total), total,
           Reporter("embedding", "indices"));
  });
}

void embedding_backward(const Tensor& grad_weight, const Tensor& grad_y, const Tensor& indices,
                        int64_t padding_idx, bool scale_by_freq) {
  const int64_t rows = grad_weight.size(0), width = grad_weight.size(1), count = indices.numel();
  if (grad_weight.numel() == 0) return;
  constexpr int64_t kLimit = int64_t(1) << 31;
  ENSURE(rows < kLimit && count < kLimit,
         "embedding: on the GPU indices and rows must be fewer than 2^31, got ", count, " and ",
         rows);
  const TensorOptions options = grad_weight.options().dtype(kInt);
  const Tensor scratch = empty({4 * count + rows + 1}, options);
  auto* const keys = static_cast<uint32_t*>(scratch.data_ptr());
  uint32_t *const sorted = keys + count, *const positions = sorted + count,
                  *const sorted_positions = positions + count,
                  *const starts = sorted_positions + count;
  if (count > 0) {
    launch(embedding_keys_kernel, one_thread_each(count, kThreads), keys, positions,
           indices.data_ptr<int64_t>(), uint32_t(count), uint32_t(rows), padding_idx);
    sort_pairs(keys, sorted, positions, sorted_positions, count, bits_of(uint64_t(rows)),
               grad_weight.device());
  }
  launch(embedding_starts_kernel, one_thread_each(count + 1, kThreads), starts, sorted,
         uint32_t(count), uint32_t(rows));
  dispatch_floating(grad_weight.dtype(), "embedding", [&]<class T>() {
    constexpr int kFull = kFullPack<T>;
    if (width % kFull == 0)
      add_rows<T, kFull>(grad_weight, grad_y, sorted, sorted_positions, starts, count,
                         scale_by_freq);
    else
      add_rows<T, 1>(grad_weight, grad_y, sorted, sorted_positions, starts, count, scale_by_freq);
  });
}

}  // namespace fg::cuda
