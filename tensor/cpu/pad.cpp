// Padding on the CPU, parallel over planes.

#include "tensor/kernels/pad.h"

#include <vector>

#include "tensor/cpu/parallel.h"

namespace fg::cpu {
namespace {

/// Calls body(output offset, input offset) for every output position of every plane; the outputs of
/// one plane come from one thread, in order.
template <class Body>
void for_each_padded(const PadGeometry& g, const Body& body) {
  std::vector<int64_t> source[3];
  for (size_t d = 0; d < 3; ++d)
    for (int64_t i = 0; i < g.output[d]; ++i) source[d].push_back(pad_source(g, d, i));
  const int64_t out_plane = numel_of(g.output), in_plane = numel_of(g.input);
  const int64_t grain = 1 + 8192 / std::max<int64_t>(out_plane, 1);
  parallel_for(0, g.planes, grain, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      int64_t at = plane * out_plane;
      for (const int64_t d : source[0]) {
        for (const int64_t h : source[1]) {
          const int64_t line = plane * in_plane + (d * g.input[1] + h) * g.input[2];
          for (const int64_t w : source[2]) body(at++, line + w);
        }
      }
    }
  });
}

}  // namespace

void pad_forward(const Tensor& output, const Tensor& input, const PadGeometry& g) {
  dispatch_all(output.dtype(), "pad", [&]<class T>() {
    T* out = output.data_ptr<T>();
    const T* in = input.const_data_ptr<T>();
    for_each_padded(g, [=](int64_t to, int64_t from) { out[to] = in[from]; });
  });
}

void pad_grad(const Tensor& grad_input, const Tensor& grad_output, const PadGeometry& g) {
  dispatch_float_double(grad_input.dtype(), "pad", [&]<class T>() {
    T* grad_x = grad_input.data_ptr<T>();
    const T* grad_y = grad_output.const_data_ptr<T>();
    std::fill_n(grad_x, grad_input.numel(), T(0));
    for_each_padded(g, [=](int64_t to, int64_t from) { grad_x[from] += grad_y[to]; });
  });
}

}  // namespace fg::cpu
