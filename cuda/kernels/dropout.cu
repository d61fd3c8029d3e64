// dropout: one kernel, the same for the forward pass and for the gradient; and, with a bias in front and a residual
// behind it, bias_dropout_residual.
//
// A thread takes 16 bytes of x (32 of doubles), draws one word per element and scales or drops it; the gradient
// draws the same words again, so no mask is stored or read. Bytes: x read and y written once.

#include "cuda/divider.h"
#include "cuda/kernels/philox_fill.cuh"
#include "cuda/launch.h"
#include "cuda/vector.cuh"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/dropout_residual.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;
template <class T>
constexpr int kPer = sizeof(T) == 2 ? 8 : 4;  // elements per thread

// What element i is before it is dropped, and after.
template <class T>
struct Alone {
  __device__ Compute<T> before(int64_t, T x) const { return Compute<T>(x); }
  __device__ T after(int64_t, Compute<T> dropped) const { return T(dropped); }
};
template <class T>
struct BiasAndResidual {
  const T* bias;  // may be null
  const T* residual;
  IndexDivider columns;

  __device__ Compute<T> before(int64_t i, T x) const {
    if (!bias) return Compute<T>(x);
    return Compute<T>(x) + Compute<T>(bias[i - columns.quotient(i) * columns.divisor()]);
  }
  __device__ T after(int64_t i, Compute<T> dropped) const {
    return T(dropped + Compute<T>(residual[i]));
  }
};

template <class T, bool kPacks, class Around>
__global__ void __launch_bounds__(kThreads)
    dropout_kernel(T* __restrict__ y, const T* __restrict__ x, int64_t count, uint64_t threshold,
                   Compute<T> scale, PhiloxDraw draw, Around around) {
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
        const int64_t i = first + j + k;
        if (whole)
          pack.at[j + k] = around.after(i, around.before(i, pack.at[j + k]) * factor);
        else if (i < count)
          y[i] = around.after(i, around.before(i, x[i]) * factor);
      }
    }
    if (whole) *reinterpret_cast<Pack<T, kWidth>*>(y + first) = pack;
  }
}

template <class T, class Around>
void run(const Tensor& y, const Tensor& x, double p, const PhiloxDraw& draw, const Around& around) {
  const int64_t count = x.numel();
  T* const out = y.data_ptr<T>();
  const T* const in = x.data_ptr<T>();
  const auto scale = Compute<T>(1 / (1 - p));
  const uint64_t threshold = word_threshold(1 - p);
  constexpr int64_t kBytes = kPer<T> * int64_t(sizeof(T));
  const LaunchShape shape = one_thread_each((count + kPer<T> - 1) / kPer<T>, kThreads);
  const bool packs = is_aligned(out, kBytes) && is_aligned(in, kBytes);
  launch(packs ? dropout_kernel<T, true, Around> : dropout_kernel<T, false, Around>, shape, out, in,
         count, threshold, scale, draw, around);
}

}  // namespace

PhiloxDraw draw_dropout(int64_t numel, GeneratorState& state) {
  return take_counters(state, numel, 4);
}

void dropout(const Tensor& y, const Tensor& x, double p, const PhiloxDraw& draw) {
  dispatch_floating(x.dtype(), "dropout", [&]<class T>() { run<T>(y, x, p, draw, Alone<T>()); });
}

void bias_dropout_residual(const Tensor& y, const Tensor& x, const Tensor& bias,
                           const Tensor& residual, double p, const PhiloxDraw& draw) {
  dispatch_floating(x.dtype(), "bias_dropout_residual", [&]<class T>() {
    run<T>(y, x, p, draw,
           BiasAndResidual<T>{bias.defined() ? bias.data_ptr<T>() : nullptr, residual.data_ptr<T>(),
                              IndexDivider(x.size(1), x.numel())});
  });
}

}  // namespace fg::cuda
