// y = max_pool(chain(z)), windows side by side.
//
// Forward: a thread per output computes the chain of its window's inputs and keeps the largest; the z that gave it and
// its number in the window are all that backward needs. Bytes: z read once, per output y, z and 1 byte written.
// Backward: the chain's own backward kernel on those z's, which also sums the gradients of operands and bias; then each
// input of z asks the one output whose window holds it. Bytes: of the outputs few, grad_z written once.
#pragma once

#include "cuda/fused/chain.cuh"
#include "cuda/fused/stage_producers.cuh"
#include "cuda/kernels/spatial_index.cuh"

namespace fg::cuda::stage_detail {

inline constexpr unsigned kPoolThreads = 256;

/// Windows side by side, in numbers that are divided fast.
struct SideBySide {
  int input[3], output[3], kernel[3];
  Divider by_kernel[3];

  explicit SideBySide(const PoolGeometry& g) {
    for (size_t d = 0; d < 3; ++d) {
      ENSURE(g.input[d] < int64_t(1) << 31, "stage: extents must be below 2^31, got ", g.input[d]);
      input[d] = int(g.input[d]), output[d] = int(g.output[d]), kernel[d] = int(g.kernel[d]);
      by_kernel[d] = Divider(uint32_t(kernel[d]));
    }
  }
};

template <class T, class C>
__global__ void __launch_bounds__(kPoolThreads)
    pooled_forward_kernel(MixedArray<T> y, T* __restrict__ z_largest, stage::WindowIndex which,
                          const T* __restrict__ z, SideBySide g, SpatialIndex index, C chain,
                          ChainOperands<C, T> operands, int64_t channels, int64_t count) {
  using A = ChainNumber<C, T>;
  for (int64_t i = int64_t(blockIdx.x) * kPoolThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kPoolThreads) {
    const SpatialPosition at = index.locate(i);
    A c[ChainOperands<C, T>::kSlots];
    operands.load(at.plane % channels, c);
    const int64_t line = at.plane * g.input[0] + at.at[0] * g.kernel[0];
    const T* const window =
        z + (line * g.input[1] + at.at[1] * g.kernel[1]) * g.input[2] + at.at[2] * g.kernel[2];
    Compute<T> best = -functors::infinity<Compute<T>>();
    T z_best = window[0];
    int number = 0, best_number = 0;
    for (int d = 0; d < g.kernel[0]; ++d) {
      for (int h = 0; h < g.kernel[1]; ++h) {
        const T* const row = window + (int64_t(d) * g.input[1] + h) * g.input[2];
        for (int w = 0; w < g.kernel[2]; ++w, ++number) {
          const auto value = Compute<T>(chain.forward(A(Compute<T>(row[w])), c));
          if (takes_maximum(value, best)) best = value, z_best = row[w], best_number = number;
        }
      }
    }
    y.set(i, best);
    if (z_largest) z_largest[i] = z_best;
    which.set(i, best_number);
  }
}

/// grad_z from the gradients of the z's that won.
template <class T>
__global__ void __launch_bounds__(kPoolThreads)
    pooled_scatter_kernel(T* __restrict__ grad_z, const T* __restrict__ grad_largest,
                          stage::WindowIndex which, SideBySide g, SpatialIndex index,
                          int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kPoolThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kPoolThreads) {
    const SpatialPosition at = index.locate(i);
    int64_t output = at.plane, number = 0;
    bool covered = true;  // the last inputs along a dim may be in no window
#pragma unroll
    for (int d = 0; d < 3; ++d) {
      const int window = int(g.by_kernel[d].quotient(uint32_t(at.at[d])));
      covered = covered && window < g.output[d];
      output = output * g.output[d] + window;
      number = number * g.kernel[d] + (at.at[d] - window * g.kernel[d]);
    }
    grad_z[i] = covered && which.get(output) == number ? grad_largest[output] : T(0.f);
  }
}

template <class C>
void tail_forward(const StageTensors& t, const Tensor& z, const stage::MaxPooled<C>& tail) {
  const int64_t count = t.y.numel(), channels = z.size(1);
  dispatch_floating(z.dtype(), "stage", [&]<class T>() {
    T* const z_largest = t.statistics[0].defined() ? t.statistics[0].data_ptr<T>() : nullptr;
    launch(pooled_forward_kernel<T, C>, one_thread_each(count, kPoolThreads), MixedArray<T>(t.y),
           z_largest, stage::WindowIndex(t.statistics[1]), z.data_ptr<T>(),
           SideBySide(tail.geometry), SpatialIndex(z.size(0) * channels, tail.geometry.output),
           tail.chain, ChainOperands<C, T>(t.operands), channels, count);
  });
}

template <class C>
bool tail_backward(const StageTensors& t, const Tensor& grad_z, const Tensor&,
                   const Tensor& grad_bias, const stage::MaxPooled<C>& tail) {
  const Tensor grad_largest = empty(t.grad_y.sizes(), grad_z.options());
  chain_backward_summed(cube(grad_largest), grad_bias, t.grad_operands, cube(t.grad_y),
                        cube(t.statistics[0]), t.operands, tail.chain);
  dispatch_floating(grad_z.dtype(), "stage", [&]<class T>() {
    launch(pooled_scatter_kernel<T>, one_thread_each(grad_z.numel(), kPoolThreads),
           grad_z.data_ptr<T>(), grad_largest.data_ptr<T>(), stage::WindowIndex(t.statistics[1]),
           SideBySide(tail.geometry),
           SpatialIndex(grad_z.size(0) * grad_z.size(1), tail.geometry.input), grad_z.numel());
  });
  return true;
}

}  // namespace fg::cuda::stage_detail
