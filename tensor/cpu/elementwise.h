// The CPU's elementwise driver. Broadcasting, strides and dtype conversion are staged block by block
// through small buffers by code that knows no op; an op is one contiguous loop over its compute
// types. So an op costs one short instantiation per compute type, and the loop always vectorises.
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace fg::cpu {

/// Loops get element counts that are multiples of this: no scalar remainder exists, and an element's
/// bits do not depend on where in a tensor it stands. Remainders are padded by the driver.
inline constexpr int64_t kLoopMultiple = 64;

/// p[0] is the output, p[1...] the inputs, all contiguous; n is a multiple of kLoopMultiple.
using ContiguousLoop = void (*)(const void* functor, char* const* p, int64_t n);

/// A tensor and the type its elements have inside the loop.
struct Operand {
  const Tensor& tensor;
  ScalarType loop_type;
};

/// Runs `loop` over `operands[0]` (the output, whose shape rules) and the broadcast inputs.
void run_elementwise(std::span<const Operand> operands, ContiguousLoop loop, const void* functor);

template <class F, class R, class... A>
void contiguous_loop(const void* functor, char* const* p, int64_t n) {
  const F f = *static_cast<const F*>(functor);
  n &= ~(kLoopMultiple - 1);
  const auto run = [&]<class... P>(R* out, const P*... in) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<R>(f(in[i]...));
  };
  [&]<size_t... I>(std::index_sequence<I...>) {
    run(reinterpret_cast<R*>(p[0]), reinterpret_cast<const A*>(p[I + 1])...);
  }
  (std::index_sequence_for<A...>());
}

/// out = f(in...), where f maps loop values of types A... to R. Declare as elementwise<R, A...>.
template <class R, class... A, class F, class... Tensors>
void elementwise(const F& f, const Tensor& out, const Tensors&... in) {
  static_assert(sizeof...(A) == sizeof...(Tensors));
  const Operand operands[] = {{out, scalar_type_of<R>}, {in, scalar_type_of<A>}...};
  run_elementwise(operands, contiguous_loop<F, R, A...>, &f);
}

/// The driver that tensor/kernels/elementwise_forms.h runs on.
struct ElementwiseDriver {
  template <class R, class... A, class F, class... Tensors>
  static void run(const F& f, const Tensor& out, const Tensors&... in) {
    elementwise<R, A...>(f, out, in...);
  }
};

/// dst[i * dst_step] = src[i * src_step] for i < n, converting; steps in elements.
void convert_run(ScalarType dst_type, void* dst, int64_t dst_step, ScalarType src_type,
                 const void* src, int64_t src_step, int64_t n);

}  // namespace fg::cpu
