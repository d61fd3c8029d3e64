#include "autograd/ops/compare.h"

#include "autograd/grad_mode.h"
#include "tensor/profiler.h"

namespace fg {

bool equal(const Tensor& x, const Tensor& other) {
  const profiler::RecordOp recorded("equal", x, other);
  ENSURE(x.dtype() == other.dtype(), "equal: tensors must have the same dtype, got ", x.dtype(),
         " and ", other.dtype());
  ENSURE(x.device() == other.device(), "equal: tensors must be on the same device, got ",
         x.device(), " and ", other.device());
  NoGradGuard no_grad;
  return x.sizes() == other.sizes() && x.eq(other).all().item<bool>();
}

Tensor isclose(const Tensor& x, const Tensor& other, double rtol, double atol, bool equal_nan) {
  const profiler::RecordOp recorded("isclose", x, other);
  ENSURE(x.dtype() == other.dtype(), "isclose: tensors must have the same dtype, got ", x.dtype(),
         " and ", other.dtype());
  ENSURE(rtol >= 0 && atol >= 0, "isclose: rtol and atol must not be negative, got ", rtol, " and ",
         atol);
  NoGradGuard no_grad;
  Tensor close = x.eq(other);
  if (is_floating(x.dtype()) && equal_nan)
    close = close.logical_or(x.isnan().logical_and(other.isnan()));
  if (rtol == 0 && atol == 0) return close;
  // Integers are compared as numbers: 2^53 and more would not survive as float32.
  const ScalarType dtype = is_floating(x.dtype()) ? x.dtype() : kDouble;
  const Tensor a = x.to(dtype), b = other.to(dtype);
  const Tensor error = a.sub(b).abs(), allowed = b.abs().mul(Scalar(rtol)).add(Scalar(atol));
  return close.logical_or(error.isfinite().logical_and(error.le(allowed)));
}

bool allclose(const Tensor& x, const Tensor& other, double rtol, double atol, bool equal_nan) {
  const profiler::RecordOp recorded("allclose", x, other);
  return isclose(x, other, rtol, atol, equal_nan).all().item<bool>();
}

bool TensorMethods::equal(const Tensor& other) const { return fg::equal(self(), other); }
Tensor ComposedMethods::isclose(const Tensor& other, double rtol, double atol,
                                bool equal_nan) const {
  return fg::isclose(self(), other, rtol, atol, equal_nan);
}
bool ComposedMethods::allclose(const Tensor& other, double rtol, double atol,
                               bool equal_nan) const {
  return fg::allclose(self(), other, rtol, atol, equal_nan);
}

}  // namespace fg
