// Permutations, and samples of the categories of weighted rows.
//
// permutation: a random 64-bit key per place, sorted stably; the sorted places are the permutation. Equal keys,
// one pair in 2^64, keep their order.
// sample_rows: the rows' running sums, then one thread per sample bisects its row.
// check_weights: one block per row; each weight is read once.

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/philox_fill.cuh"
#include "cuda/kernels/radix_sort.h"
#include "cuda/launch.h"
#include "cuda/report.cuh"
#include "tensor/factories.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/scan.h"

namespace fg::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    random_keys_kernel(uint64_t* keys, uint32_t* places, int64_t count, PhiloxDraw draw) {
  const PhiloxStream stream = draw.stream();
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    keys[i] = two_words(stream.words(uint64_t(i) / 2), int(i % 2));
    places[i] = uint32_t(i);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    store_places_kernel(T* out, const uint32_t* places, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads)
    out[i] = integer_as<T>(places[i]);
}

/// out[r][s] = the first category whose running sum, as a part of the row's, reaches a uniform number.
template <class T>
__global__ void __launch_bounds__(kThreads)
    sample_rows_kernel(int64_t* out, const T* sums, int64_t rows, int64_t categories,
                       int64_t samples, PhiloxDraw draw) {
  const PhiloxStream stream = draw.stream();
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < rows * samples;
       i += int64_t(gridDim.x) * kThreads) {
    const T* const row = sums + i / samples * categories;
    const T total = row[categories - 1];
    const double u = unit_double(two_words(stream.words(uint64_t(i) / 2), int(i % 2)));
    int64_t low = 0, high = categories - 1;  // the last category takes what rounding leaves
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (double(row[middle] / total) < u)
        low = middle + 1;
      else
        high = middle;
    }
    out[i] = low;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    check_weights_kernel(const T* weights, int64_t rows, int64_t categories, Reporter reporter) {
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    double sum = 0;
    for (int64_t c = threadIdx.x; c < categories; c += kThreads) {
      const double weight = double(weights[row * categories + c]);
      if (!(weight >= 0 && weight - weight == 0)) reporter.not_a_weight(weight);
      sum += weight;
    }
    sum = block_reduce<kThreads>(sum);
    if (threadIdx.x == 0 && sum == 0) reporter.weightless_row(row);
  }
}

}  // namespace

void fill_permutation(const Tensor& out, GeneratorState& state) {
  const int64_t count = out.numel();
  if (count == 0) return;
  ENSURE(count <= int64_t(0xffffffff), "randperm: n must be below 2^32 on CUDA, got ", count);
  const TensorOptions options = TensorOptions(kLong).device(out.device());
  const Tensor keys = empty({2, count}, options), places = empty({2, count}, options.dtype(kInt));
  auto* const key_data = static_cast<uint64_t*>(keys.data_ptr());
  auto* const place_data = static_cast<uint32_t*>(places.data_ptr());
  const LaunchShape shape = one_thread_each(count, kThreads);
  launch(random_keys_kernel, shape, key_data, place_data, count, take_counters(state, count, 2));
  sort_pairs(key_data, key_data + count, place_data, place_data + count, count, 64, out.device());
  dispatch_all(out.dtype(), "randperm", [&]<class T>() {
    launch(store_places_kernel<T>, shape, out.data_ptr<T>(), place_data + count, count);
  });
}

void sample_rows(const Tensor& out, const Tensor& weights, GeneratorState& state) {
  if (out.numel() == 0) return;
  const Tensor sums = empty(weights.sizes(), weights.options());
  cumsum(sums, weights, 1, false);
  dispatch_float_double(weights.dtype(), "multinomial", [&]<class T>() {
    launch(sample_rows_kernel<T>, one_thread_each(out.numel(), kThreads), out.data_ptr<int64_t>(),
           sums.data_ptr<T>(), weights.size(0), weights.size(1), out.size(1),
           take_counters(state, out.numel(), 2));
  });
}

void check_weights(const Tensor& rows) {
  dispatch_floating(rows.dtype(), "multinomial", [&]<class T>() {
    launch(check_weights_kernel<T>, one_block_each(rows.size(0), kThreads), rows.data_ptr<T>(),
           rows.size(0), rows.size(1), Reporter("multinomial", "weights"));
  });
}

}  // namespace fg::cuda
