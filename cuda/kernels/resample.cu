// Resizing planes. Forward: one thread per output, neighbours along the width, mixes its taps. Backward: one
// thread per input gathers from the outputs that read it, in ascending order, so nothing is added atomically.
// Bytes: the input once (shared taps come from the cache) and the output once. 16-bit types compute in float.
#include "cuda/kernels/spatial_index.cuh"
#include "cuda/launch.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/resample.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads)
    resample_kernel(T* __restrict__ output, const T* __restrict__ input, ResampleGeometry g,
                    SpatialIndex index, int64_t count) {
  using C = Compute<T>;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const SpatialPosition at = index.locate(i);
    const auto depth = resample_taps<C>(g, 0, at.at[0]), height = resample_taps<C>(g, 1, at.at[1]),
               width = resample_taps<C>(g, 2, at.at[2]);
    const T* const plane = input + at.plane * g.input[0] * g.input[1] * g.input[2];
    C sum = 0;
    for (int64_t d = 0; d < depth.count; ++d) {
      for (int64_t h = 0; h < height.count; ++h) {
        const T* const line = plane + (resample_source(depth, d, g.input[0]) * g.input[1] +
                                       resample_source(height, h, g.input[1])) *
                                          g.input[2];
        C mixed = 0;
        for (int64_t w = 0; w < width.count; ++w)
          mixed += width.weight[w] * C(line[resample_source(width, w, g.input[2])]);
        sum += depth.weight[d] * height.weight[h] * mixed;
      }
    }
    output[i] = T(sum);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    resample_grad_kernel(T* __restrict__ grad_input, const T* __restrict__ grad_output,
                         ResampleGeometry g, SpatialIndex index, int64_t count) {
  using C = Compute<T>;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const SpatialPosition at = index.locate(i);
    const ResampleReaders depth = resample_readers<C>(g, 0, at.at[0]),
                          height = resample_readers<C>(g, 1, at.at[1]),
                          width = resample_readers<C>(g, 2, at.at[2]);
    const T* const plane = grad_output + at.plane * g.output[0] * g.output[1] * g.output[2];
    C sum = 0;
    for (int64_t d = depth.begin; d < depth.end; ++d) {
      const C depth_weight = resample_weight<C>(g, 0, d, at.at[0]);
      for (int64_t h = height.begin; h < height.end; ++h) {
        const C weight = depth_weight * resample_weight<C>(g, 1, h, at.at[1]);
        const T* const line = plane + (d * g.output[1] + h) * g.output[2];
        C mixed = 0;
        for (int64_t w = width.begin; w < width.end; ++w)
          mixed += resample_weight<C>(g, 2, w, at.at[2]) * C(line[w]);
        sum += weight * mixed;
      }
    }
    grad_input[i] = T(sum);
  }
}

}  // namespace

void resample(const Tensor& output, const Tensor& input, const ResampleGeometry& g) {
  if (output.numel() == 0) return;
  dispatch_floating(input.dtype(), "upsample", [&]<class T>() {
    launch(resample_kernel<T>, one_thread_each(output.numel(), kThreads), output.data_ptr<T>(),
           input.data_ptr<T>(), g, SpatialIndex(g.planes, g.output), output.numel());
  });
}

void resample_grad(const Tensor& grad_input, const Tensor& grad_output, const ResampleGeometry& g) {
  if (grad_input.numel() == 0) return;
  dispatch_floating(grad_input.dtype(), "upsample", [&]<class T>() {
    launch(resample_grad_kernel<T>, one_thread_each(grad_input.numel(), kThreads),
           grad_input.data_ptr<T>(), grad_output.data_ptr<T>(), g, SpatialIndex(g.planes, g.input),
           grad_input.numel());
  });
}

}  // namespace fg::cuda
