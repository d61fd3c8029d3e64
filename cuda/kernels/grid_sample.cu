// Reading planes at the points of a grid: one thread per point of one batch entry works out the point's taps once
// and uses them for every channel; neighbouring threads write neighbouring outputs. The gradient of the input would
// be a scatter with collisions: its terms are written out, [batch, channels, taps * points], and summed by
// indexed_add in a fixed order, at the price of that memory.
#include "cuda/launch.h"
#include "tensor/factories.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/grid_sample.h"
#include "tensor/kernels/index.h"

namespace fg::cuda {
namespace {

constexpr unsigned kThreads = 128;

/// Extents as the kernels use them.
struct Sizes {
  int64_t points, in_plane;
  explicit Sizes(const GridGeometry& g) : points(numel_of(g.output)), in_plane(numel_of(g.input)) {}
};

template <class T, class Body>
__device__ __forceinline__ void for_each_point(const T* grid, const GridGeometry& g, Sizes sizes,
                                               const Body& body) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < g.batch * sizes.points;
       i += int64_t(gridDim.x) * kThreads)
    body(i / sizes.points, i % sizes.points, GridPointTaps<T>(g, grid + i * g.rank));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    grid_sample_kernel(T* __restrict__ output, const T* __restrict__ input,
                       const T* __restrict__ grid, GridGeometry g, Sizes sizes) {
  for_each_point(grid, g, sizes, [&](int64_t n, int64_t point, const GridPointTaps<T>& taps) {
    for (int64_t plane = n * g.channels; plane < (n + 1) * g.channels; ++plane) {
      T sum = 0;
      for (int64_t tap = 0; tap < taps.count(); ++tap) {
        const int64_t offset = taps.offset(g, tap);
        // Zeros outside count: a weight that is NaN shows.
        sum += taps.weight(tap) * (offset < 0 ? T(0) : input[plane * sizes.in_plane + offset]);
      }
      output[plane * sizes.points + point] = sum;
    }
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    grid_grad_kernel(T* __restrict__ grad_grid, const T* __restrict__ grad_output,
                     const T* __restrict__ input, const T* __restrict__ grid, GridGeometry g,
                     Sizes sizes) {
  for_each_point(grid, g, sizes, [&](int64_t n, int64_t point, const GridPointTaps<T>& taps) {
    T sums[3] = {0, 0, 0};
    for (int64_t tap = 0; tap < taps.count(); ++tap) {
      const int64_t offset = taps.offset(g, tap);
      T product = 0;
      for (int64_t plane = n * g.channels; plane < (n + 1) * g.channels; ++plane)
        product += grad_output[plane * sizes.points + point] *
                   (offset < 0 ? T(0) : input[plane * sizes.in_plane + offset]);
      for (int dim = 0; dim < 3; ++dim) sums[dim] += taps.slope(tap, dim) * product;
    }
    T* const grad = grad_grid + (n * sizes.points + point) * g.rank;
    for (int64_t k = 0; k < g.rank; ++k) grad[k] = sums[2 - k];
  });
}

/// Each tap's offset in its plane (0 for zeros outside, whose term is 0) and its term per channel.
template <class T>
__global__ void __launch_bounds__(kThreads)
    grid_terms_kernel(int64_t* __restrict__ offsets, T* __restrict__ terms,
                      const T* __restrict__ grad_output, const T* __restrict__ grid, GridGeometry g,
                      Sizes sizes, int64_t max_taps) {
  for_each_point(grid, g, sizes, [&](int64_t n, int64_t point, const GridPointTaps<T>& taps) {
    for (int64_t tap = 0; tap < max_taps; ++tap) {
      const int64_t offset = tap < taps.count() ? taps.offset(g, tap) : -1;
      offsets[(n * max_taps + tap) * sizes.points + point] = offset < 0 ? 0 : offset;
      for (int64_t plane = n * g.channels; plane < (n + 1) * g.channels; ++plane)
        terms[(plane * max_taps + tap) * sizes.points + point] =
            offset < 0 ? T(0) : taps.weight(tap) * grad_output[plane * sizes.points + point];
    }
  });
}

int64_t max_taps(const GridGeometry& g) {
  const int64_t per_dim = g.mode == GridMode::nearest ? 1 : g.mode == GridMode::bilinear ? 2 : 4;
  return g.rank == 2 ? per_dim * per_dim : per_dim * per_dim * per_dim;
}

template <class T>
void add_input_grad(const Tensor& grad_input, const Tensor& grad_output, const Tensor& grid,
                    const GridGeometry& g, const LaunchShape& shape) {
  const Sizes sizes(g);
  const int64_t taps = max_taps(g), entries = taps * sizes.points;
  const Tensor offsets = empty({g.batch, 1, entries}, grid.options().dtype(kLong));
  const Tensor terms = empty({g.batch, g.channels, entries}, grid.options());
  launch(grid_terms_kernel<T>, shape, offsets.data_ptr<int64_t>(), terms.data_ptr<T>(),
         grad_output.data_ptr<T>(), grid.data_ptr<T>(), g, sizes, taps);
  fill(grad_input, 0);
  indexed_add(grad_input, terms,
              {{g.batch, g.channels, entries},
               {g.channels * sizes.in_plane, sizes.in_plane, 0},
               {{offsets, sizes.in_plane, 1}}});
}

LaunchShape shape_of(const GridGeometry& g) {
  return one_thread_each(g.batch * numel_of(g.output), kThreads);
}

}  // namespace

void grid_sample(const Tensor& output, const Tensor& input, const Tensor& grid,
                 const GridGeometry& g) {
  if (output.numel() == 0) return;
  dispatch_float_double(input.dtype(), "grid_sampler", [&]<class T>() {
    launch(grid_sample_kernel<T>, shape_of(g), output.data_ptr<T>(), input.data_ptr<T>(),
           grid.data_ptr<T>(), g, Sizes(g));
  });
}

void grid_sample_grad(const Tensor& grad_input, const Tensor& grad_grid, const Tensor& grad_output,
                      const Tensor& input, const Tensor& grid, const GridGeometry& g) {
  if (grad_output.numel() == 0) {
    for (const Tensor& grad : {grad_input, grad_grid})
      if (grad.defined()) fill(grad, 0);
    return;
  }
  dispatch_float_double(input.dtype(), "grid_sampler", [&]<class T>() {
    if (grad_input.defined()) add_input_grad<T>(grad_input, grad_output, grid, g, shape_of(g));
    if (grad_grid.defined())
      launch(grid_grad_kernel<T>, shape_of(g), grad_grid.data_ptr<T>(), grad_output.data_ptr<T>(),
             input.data_ptr<T>(), grid.data_ptr<T>(), g, Sizes(g));
  });
}

}  // namespace fg::cuda
