// Pools over windows of up to three dims; adaptive, overlapping, dilated and cut windows alike.
//
// Forward: one thread per output, neighbours along the width; the windows' overlap comes from the cache. Means of
// large windows (global pooling) take a warp per output, whose lanes step through the window.
// Gradients: one thread per input gathers from the outputs whose windows hold it, in ascending order. So nothing
// is written twice, and the result is deterministic and equal to the CPU's.
// Bytes: forward the input once and the output (max: and 8 bytes of index) once; gradients each output that
// covers an input, mostly from the cache, and each input's gradient written once. 16-bit types compute in float.

#include <algorithm>
#include <limits>

#include "cuda/kernels/block_reduce.cuh"
#include "cuda/kernels/spatial_index.cuh"
#include "cuda/launch.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/pool.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int64_t kLargeWindow = 64;  // elements, from which on a warp takes a window

/// Elements of a plane, of either kind of extents.
template <class Int>
__device__ int64_t plane_of(const std::array<Int, 3>& extents) {
  return int64_t(extents[0]) * extents[1] * extents[2];
}
/// Inputs of a window along its dim.
template <class Int>
constexpr Int steps(const BasicPoolWindow<Int>& window) {
  return (window.end - window.begin + window.step - 1) / window.step;
}

template <class Int>
struct Windows {
  BasicPoolWindow<Int> depth, height, width;

  __device__ Windows(const BasicPoolGeometry<Int>& g, Int d, Int h, Int w)
      : depth(pool_window(g, 0, d)), height(pool_window(g, 1, h)), width(pool_window(g, 2, w)) {}
  __device__ Windows(const BasicPoolGeometry<Int>& g, const SpatialPosition& output)
      : Windows(g, Int(output.at[0]), Int(output.at[1]), Int(output.at[2])) {}

  template <class C>
  __device__ C divisor(const BasicPoolGeometry<Int>& g) const {
    return C(g.divisor_override ? g.divisor_override : depth.count * height.count * width.count);
  }
  /// Calls body(offset within the plane) for each input, in scan order.
  template <class Body>
  __device__ __forceinline__ void for_each(const BasicPoolGeometry<Int>& g,
                                           const Body& body) const {
    for (Int d = depth.begin; d < depth.end; d += depth.step) {
      for (Int h = height.begin; h < height.end; h += height.step) {
        const Int line = (d * g.input[1] + h) * g.input[2];
        for (Int w = width.begin; w < width.end; w += width.step) body(line + w);
      }
    }
  }
};

template <class T, class Int>
__global__ void __launch_bounds__(kThreads)
    max_pool_kernel(T* __restrict__ output, int64_t* __restrict__ indices,
                    const T* __restrict__ input, BasicPoolGeometry<Int> g, SpatialIndex index,
                    int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    using C = Compute<T>;
    const SpatialPosition at = index.locate(i);
    const Windows<Int> windows(g, at);
    const T* const plane = input + at.plane * plane_of(g.input);
    C best = -std::numeric_limits<C>::infinity();
    Int best_at = (windows.depth.begin * g.input[1] + windows.height.begin) * g.input[2] +
                  windows.width.begin;
    windows.for_each(g, [&](Int offset) {
      const C value = C(plane[offset]);
      if (takes_maximum(value, best)) best = value, best_at = offset;
    });
    output[i] = T(best);
    indices[i] = best_at;
  }
}

/// Calls body(d, h, w) for each output whose window may hold the input.
template <class Int, class Body>
__device__ __forceinline__ void for_each_output(const BasicPoolGeometry<Int>& g,
                                                const SpatialPosition& input, const Body& body) {
  const auto depth = pool_outputs(g, 0, Int(input.at[0]));
  const auto height = pool_outputs(g, 1, Int(input.at[1]));
  const auto width = pool_outputs(g, 2, Int(input.at[2]));
  for (Int d = depth.begin; d < depth.end; ++d)
    for (Int h = height.begin; h < height.end; ++h)
      for (Int w = width.begin; w < width.end; ++w) body(d, h, w);
}

template <class T, class Int>
__global__ void __launch_bounds__(kThreads)
    max_pool_grad_kernel(T* __restrict__ grad_input, const T* __restrict__ grad_output,
                         const int64_t* __restrict__ indices, BasicPoolGeometry<Int> g,
                         SpatialIndex index, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    const SpatialPosition at = index.locate(i);
    const int64_t first = at.plane * plane_of(g.output), here = i - at.plane * plane_of(g.input);
    Compute<T> sum = 0;
    for_each_output(g, at, [&](Int d, Int h, Int w) {
      const int64_t output = first + (d * g.output[1] + h) * g.output[2] + w;
      if (indices[output] == here) sum += Compute<T>(grad_output[output]);
    });
    grad_input[i] = T(sum);
  }
}

template <class T, class Int>
__global__ void __launch_bounds__(kThreads)
    mean_pool_kernel(T* __restrict__ output, const T* __restrict__ input, BasicPoolGeometry<Int> g,
                     SpatialIndex index, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    using C = Compute<T>;
    const SpatialPosition at = index.locate(i);
    const Windows<Int> windows(g, at);
    const T* const plane = input + at.plane * plane_of(g.input);
    C sum = 0;
    windows.for_each(g, [&](Int offset) { sum += C(plane[offset]); });
    output[i] = T(sum / windows.template divisor<C>(g));
  }
}

/// A warp per output.
template <class T, class Int>
__global__ void __launch_bounds__(kThreads)
    mean_large_kernel(T* __restrict__ output, const T* __restrict__ input, BasicPoolGeometry<Int> g,
                      SpatialIndex index, int64_t count) {
  constexpr int kWarps = int(kThreads) / kWarp;
  const int lane = threadIdx.x % kWarp;
  for (int64_t i = int64_t(blockIdx.x) * kWarps + threadIdx.x / kWarp; i < count;
       i += int64_t(gridDim.x) * kWarps) {
    using C = Compute<T>;
    const SpatialPosition at = index.locate(i);
    const Windows<Int> windows(g, at);
    const T* const plane = input + at.plane * plane_of(g.input);
    const Int width = steps(windows.width), height = steps(windows.height);
    const Int total = steps(windows.depth) * height * width;
    C sum = 0;
    for (Int k = lane; k < total; k += kWarp) {
      const Int line = k / width, w = windows.width.begin + k % width * windows.width.step;
      const Int h = windows.height.begin + line % height * windows.height.step;
      const Int d = windows.depth.begin + line / height * windows.depth.step;
      sum += C(plane[(d * g.input[1] + h) * g.input[2] + w]);
    }
    sum = warp_reduce(sum);
    if (lane == 0) output[i] = T(sum / windows.template divisor<C>(g));
  }
}

template <class Int>
__device__ __forceinline__ bool holds(const BasicPoolWindow<Int>& window, int64_t input) {
  return input >= window.begin && input < window.end && (input - window.begin) % window.step == 0;
}

template <class T, class Int>
__global__ void __launch_bounds__(kThreads)
    mean_pool_grad_kernel(T* __restrict__ grad_input, const T* __restrict__ grad_output,
                          BasicPoolGeometry<Int> g, SpatialIndex index, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * kThreads) {
    using C = Compute<T>;
    const SpatialPosition at = index.locate(i);
    const T* const plane = grad_output + at.plane * plane_of(g.output);
    C sum = 0;
    for_each_output(g, at, [&](Int d, Int h, Int w) {
      const Windows<Int> windows(g, d, h, w);
      if (holds(windows.depth, at.at[0]) && holds(windows.height, at.at[1]) &&
          holds(windows.width, at.at[2]))
        sum += C(plane[(d * g.output[1] + h) * g.output[2] + w]) / windows.template divisor<C>(g);
    });
    grad_input[i] = T(sum);
  }
}

/// Elements of the middle window, about those of all.
int64_t window_numel(const PoolGeometry& g) {
  int64_t numel = 1;
  for (size_t d = 0; d < 3; ++d)
    numel *= std::max<int64_t>(0, steps(pool_window(g, d, g.output[d] / 2)));
  return numel;
}

/// Calls body(geometry), with 32-bit numbers where they hold all that kernels compute.
template <class Body>
void with_geometry(const PoolGeometry& g, const Body& body) {
  constexpr int64_t kLimit = int64_t(1) << 30;
  bool narrow = numel_of(g.input) < kLimit && numel_of(g.output) < kLimit &&
                std::abs(g.divisor_override) < kLimit;
  BasicPoolGeometry<int32_t> small{.planes = g.planes,
                                   .adaptive = g.adaptive,
                                   .count_include_pad = g.count_include_pad,
                                   .divisor_override = int32_t(g.divisor_override)};
  for (size_t d = 0; d < 3; ++d) {
    narrow =
        narrow && (g.adaptive ? g.input[d] * g.output[d] : g.kernel[d] * g.dilation[d]) < kLimit;
    narrow = narrow && g.stride[d] < kLimit && g.padding[d] < kLimit;
    small.input[d] = int32_t(g.input[d]), small.output[d] = int32_t(g.output[d]);
    small.kernel[d] = int32_t(g.kernel[d]), small.stride[d] = int32_t(g.stride[d]);
    small.padding[d] = int32_t(g.padding[d]), small.dilation[d] = int32_t(g.dilation[d]);
  }
  narrow ? body(small) : body(g);
}

}  // namespace

void max_pool(const Tensor& output, const Tensor& indices, const Tensor& input,
              const PoolGeometry& geometry) {
  const int64_t count = output.numel();
  const SpatialIndex index(geometry.planes, geometry.output);
  dispatch_floating(input.dtype(), "max_pool", [&]<class T>() {
    with_geometry(geometry, [&]<class Int>(const BasicPoolGeometry<Int>& g) {
      launch(max_pool_kernel<T, Int>, one_thread_each(count, kThreads), output.data_ptr<T>(),
             indices.data_ptr<int64_t>(), input.data_ptr<T>(), g, index, count);
    });
  });
}

void max_pool_grad(const Tensor& grad_input, const Tensor& grad_output, const Tensor& indices,
                   const PoolGeometry& geometry) {
  const int64_t count = grad_input.numel();
  const SpatialIndex index(geometry.planes, geometry.input);
  dispatch_floating(grad_input.dtype(), "max_pool", [&]<class T>() {
    with_geometry(geometry, [&]<class Int>(const BasicPoolGeometry<Int>& g) {
      launch(max_pool_grad_kernel<T, Int>, one_thread_each(count, kThreads),
             grad_input.data_ptr<T>(), grad_output.data_ptr<T>(), indices.data_ptr<int64_t>(), g,
             index, count);
    });
  });
}

void mean_pool(const Tensor& output, const Tensor& input, const PoolGeometry& geometry) {
  const int64_t count = output.numel();
  if (count == 0) return;
  const SpatialIndex index(geometry.planes, geometry.output);
  const bool large = window_numel(geometry) >= kLargeWindow;
  dispatch_floating(input.dtype(), "mean_pool", [&]<class T>() {
    with_geometry(geometry, [&]<class Int>(const BasicPoolGeometry<Int>& g) {
      launch(large ? mean_large_kernel<T, Int> : mean_pool_kernel<T, Int>,
             one_thread_each(large ? count * kWarp : count, kThreads), output.data_ptr<T>(),
             input.data_ptr<T>(), g, index, count);
    });
  });
}

void mean_pool_grad(const Tensor& grad_input, const Tensor& grad_output,
                    const PoolGeometry& geometry) {
  const int64_t count = grad_input.numel();
  const SpatialIndex index(geometry.planes, geometry.input);
  dispatch_floating(grad_input.dtype(), "mean_pool", [&]<class T>() {
    with_geometry(geometry, [&]<class Int>(const BasicPoolGeometry<Int>& g) {
      launch(mean_pool_grad_kernel<T, Int>, one_thread_each(count, kThreads),
             grad_input.data_ptr<T>(), grad_output.data_ptr<T>(), g, index, count);
    });
  });
}

}  // namespace fg::cuda
