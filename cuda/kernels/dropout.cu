// dropout: one kernel, the same for the forward pass and for the gradient.
//
// A thread takes 16 bytes of x (32 of doubles), draws one word per element and scales or drops it; the gradient
// draws the same words again, so no mask is stored or read. Bytes: x read and y written once.

#include "cuda/kernels/philox_fill.cuh"
#include "cuda/launch.h"
#include "cuda/vector.cuh"
#include "tensor/kernels/dispatch.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;
template <class T>
constexpr int kPer = sizeof(T) == 2 ? 8 : 4;  // elements per thread

template <class T, bool kPacks>
__global__ void __launch_bounds__(kThreads)
    dropout_kernel(T* __restrict__ y, const T* __restrict__ x, int64_t count, uint64_t threshold,
                   Compute<T> scale, PhiloxDraw draw) {
  constexpr int kWidth = kPer<T>;
  const int64_t step = int64_t(gridDim.x) * kThreads * kWidth;
  const PhiloxStream stream = draw.stream();
  for (int64_t first = (int64_t(blockIdx.x) * kThreads + threadIdx.x) * kWidth; first < count;
       first += step) {
    const bool whole = kPacks && first + kWidth <= count;
    Pack<T, kWidth> pack;
    if (whole) pack = *reinterpret_cast<const Pack<T, kWidth>*>(x + first);
#pragma unroll
    for (int j = 0; j < kWidth; j += 4) {
      const PhiloxWords words = stream.words(uint64_t(first + j) / 4);
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const Compute<T> factor = words.at[k] < threshold ? scale : 0;
        if (whole)
          pack.at[j + k] = T(Compute<T>(pack.at[j + k]) * factor);
        else if (first + j + k < count)
          y[first + j + k] = T(Compute<T>(x[first + j + k]) * factor);
      }
    }
    if (whole) *reinterpret_cast<Pack<T, kWidth>*>(y + first) = pack;
  }
}

}  // namespace

PhiloxDraw draw_dropout(int64_t numel, GeneratorState& state) {
  return take_counters(state, numel, 4);
}

void dropout(const Tensor& y, const Tensor& x, double p, const PhiloxDraw& draw) {
  const int64_t count = x.numel();
  dispatch_floating(x.dtype(), "dropout", [&]<class T>() {
    T* const out = y.data_ptr<T>();
    const T* const in = x.data_ptr<T>();
    const auto scale = Compute<T>(1 / (1 - p));
    const uint64_t threshold = word_threshold(1 - p);
    constexpr int64_t kBytes = kPer<T> * int64_t(sizeof(T));
    const LaunchShape shape = one_thread_each((count + kPer<T> - 1) / kPer<T>, kThreads);
    if (is_aligned(out, kBytes) && is_aligned(in, kBytes))
      launch(dropout_kernel<T, true>, shape, out, in, count, threshold, scale, draw);
    else
      launch(dropout_kernel<T, false>, shape, out, in, count, threshold, scale, draw);
  });
}

}  // namespace fg::cuda
