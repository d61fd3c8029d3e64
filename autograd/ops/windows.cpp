#include "autograd/ops/windows.h"

#include <numbers>

#include "autograd/ops/elementwise.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

/// formula(i, last) for i = 0, ..., last of the symmetric window, in Double.
template <class Formula>
Tensor window(int64_t length, bool periodic, const TensorOptions& options, const char* op,
              const Formula& formula) {
  ENSURE(length >= 0, op, ": window_length must not be negative, got ", length);
  const ScalarType dtype = options.dtype();
  ENSURE(is_floating(dtype), op, ": dtype must be floating, got ", dtype);
  if (length <= 1) return ones({length}, options);
  const double last = double(length - (periodic ? 0 : 1));
  NoGradGuard no_grad;
  const Tensor values = formula(arange(length, kDouble), last).to(dtype).to(options.device());
  return values.requires_grad_(options.requires_grad());
}

}  // namespace

Tensor bartlett_window(int64_t window_length, bool periodic, const TensorOptions& options) {
  const profiler::RecordOp recorded("bartlett_window");
  return window(window_length, periodic, options, "bartlett_window",
                [](const Tensor& i, double last) { return 1 - (i * (2 / last) - 1).abs(); });
}

Tensor hamming_window(int64_t window_length, bool periodic, double alpha, double beta,
                      const TensorOptions& options) {
  const profiler::RecordOp recorded("hamming_window");
  return window(window_length, periodic, options, "hamming_window",
                [=](const Tensor& i, double last) {
                  return alpha - beta * (i * (2 * std::numbers::pi / last)).cos();
                });
}

Tensor hann_window(int64_t window_length, bool periodic, const TensorOptions& options) {
  return hamming_window(window_length, periodic, 0.5, 0.5, options);
}

Tensor blackman_window(int64_t window_length, bool periodic, const TensorOptions& options) {
  const profiler::RecordOp recorded("blackman_window");
  return window(window_length, periodic, options, "blackman_window",
                [](const Tensor& i, double last) {
                  const Tensor phase = i * (2 * std::numbers::pi / last);
                  return 0.42 - 0.5 * phase.cos() + 0.08 * (phase * 2).cos();
                });
}

}  // namespace fg
