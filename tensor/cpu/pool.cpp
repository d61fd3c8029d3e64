// Pools on the CPU, parallel over planes.

#include "tensor/cpu/pool_window.h"

namespace fg::cpu {
namespace {

template <class T>
T divisor(const PoolGeometry& g, const PoolWindow& d, const PoolWindow& h, const PoolWindow& w) {
  return T(g.divisor_override ? g.divisor_override : d.count * h.count * w.count);
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
      for_each_largest(in, (g.planes - plane) * in_plane, g,
                       [&](int64_t at, const auto&, const auto&, const auto&, T largest,
                           int64_t offset) { out[at] = largest, index[at] = offset; });
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
