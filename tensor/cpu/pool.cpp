// Pools on the CPU, parallel over planes.

#include "tensor/kernels/pool.h"

#include <limits>

#include "tensor/cpu/parallel.h"

namespace fg::cpu {
namespace {

/// Calls body(output offset, windows along depth, height and width) for each output of a plane.
template <class Body>
void for_each_window(const PoolGeometry& g, const Body& body) {
  int64_t at = 0;
  for (int64_t d = 0; d < g.output[0]; ++d) {
    const PoolWindow depth = pool_window(g, 0, d);
    for (int64_t h = 0; h < g.output[1]; ++h) {
      const PoolWindow height = pool_window(g, 1, h);
      for (int64_t w = 0; w < g.output[2]; ++w) body(at++, depth, height, pool_window(g, 2, w));
    }
  }
}

/// Calls body(offset within the plane) for each input of a window, in scan order.
template <class Body>
void for_each_input(const PoolGeometry& g, const PoolWindow& depth, const PoolWindow& height,
                    const PoolWindow& width, const Body& body) {
  for (int64_t d = depth.begin; d < depth.end; d += depth.step) {
    for (int64_t h = height.begin; h < height.end; h += height.step) {
      const int64_t line = (d * g.input[1] + h) * g.input[2];
      for (int64_t w = width.begin; w < width.end; w += width.step) body(line + w);
    }
  }
}

template <class T>
T divisor(const PoolGeometry& g, const PoolWindow& d, const PoolWindow& h, const PoolWindow& w) {
  return T(g.divisor_override ? g.divisor_override : d.count * h.count * w.count);
}

/// body(plane) for every plane, in parallel; `work` is the number of reads per plane.
template <class Body>
void for_each_plane(const PoolGeometry& g, const Body& body) {
  const int64_t work = std::max(numel_of(g.input), numel_of(g.output));
  const int64_t grain = std::max<int64_t>(1, 8192 / std::max<int64_t>(work, 1));
  parallel_for(0, g.planes, grain, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) body(plane);
  });
}

}  // namespace

void max_pool(const Tensor& output, const Tensor& indices, const Tensor& input,
              const PoolGeometry& g) {
  dispatch_float_double(input.dtype(), "max_pool", [&]<class T>() {
    const int64_t in_plane = numel_of(g.input), out_plane = numel_of(g.output);
    for_each_plane(g, [&](int64_t plane) {
      const T* in = input.const_data_ptr<T>() + plane * in_plane;
      T* out = output.data_ptr<T>() + plane * out_plane;
      int64_t* index = indices.data_ptr<int64_t>() + plane * out_plane;
      for_each_window(g, [&](int64_t at, const auto& d, const auto& h, const auto& w) {
        T best = -std::numeric_limits<T>::infinity();
        int64_t best_at = (d.begin * g.input[1] + h.begin) * g.input[2] + w.begin;
        for_each_input(g, d, h, w, [&](int64_t i) {
          const T value = in[i];
          if (value > best || value != value) best = value, best_at = i;
        });
        out[at] = best;
        index[at] = best_at;
      });
    });
  });
}

void max_pool_grad(const Tensor& grad_input, const Tensor& grad_output, const Tensor& indices,
                   const PoolGeometry& g) {
  dispatch_float_double(grad_input.dtype(), "max_pool", [&]<class T>() {
    const int64_t in_plane = numel_of(g.input), out_plane = numel_of(g.output);
    for_each_plane(g, [&](int64_t plane) {
      T* grad_x = grad_input.data_ptr<T>() + plane * in_plane;
      const T* grad_y = grad_output.const_data_ptr<T>() + plane * out_plane;
      const int64_t* index = indices.const_data_ptr<int64_t>() + plane * out_plane;
      std::fill_n(grad_x, in_plane, T(0));
      for (int64_t i = 0; i < out_plane; ++i) grad_x[index[i]] += grad_y[i];
    });
  });
}

void mean_pool(const Tensor& output, const Tensor& input, const PoolGeometry& g) {
  dispatch_float_double(input.dtype(), "mean_pool", [&]<class T>() {
    const int64_t in_plane = numel_of(g.input), out_plane = numel_of(g.output);
    for_each_plane(g, [&](int64_t plane) {
      const T* in = input.const_data_ptr<T>() + plane * in_plane;
      T* out = output.data_ptr<T>() + plane * out_plane;
      for_each_window(g, [&](int64_t at, const auto& d, const auto& h, const auto& w) {
        T sum = 0;
        for_each_input(g, d, h, w, [&](int64_t i) { sum += in[i]; });
        out[at] = sum / divisor<T>(g, d, h, w);
      });
    });
  });
}

void mean_pool_grad(const Tensor& grad_input, const Tensor& grad_output, const PoolGeometry& g) {
  dispatch_float_double(grad_input.dtype(), "mean_pool", [&]<class T>() {
    const int64_t in_plane = numel_of(g.input), out_plane = numel_of(g.output);
    for_each_plane(g, [&](int64_t plane) {
      T* grad_x = grad_input.data_ptr<T>() + plane * in_plane;
      const T* grad_y = grad_output.const_data_ptr<T>() + plane * out_plane;
      std::fill_n(grad_x, in_plane, T(0));
      for_each_window(g, [&](int64_t at, const auto& d, const auto& h, const auto& w) {
        const T share = grad_y[at] / divisor<T>(g, d, h, w);
        for_each_input(g, d, h, w, [&](int64_t i) { grad_x[i] += share; });
      });
    });
  });
}

}  // namespace fg::cpu
