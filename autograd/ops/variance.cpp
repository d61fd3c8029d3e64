// Variance and standard deviation: two passes, the second over the distances from the mean.
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {

namespace {

/// (variance, mean) in the type that the dtype computes in: the square root of a 16-bit type's variance
/// may fit where the variance does not.
std::tuple<Tensor, Tensor> wide_var_mean(const Tensor& self, OptionalIntArrayRef dim,
                                         optional<int64_t> correction, bool keepdim) {
  ENSURE(self.is_floating_point(), "var: dtype must be floating, got ", self.dtype());
  const IntArrayRef wanted = dim.has_value() ? *dim : IntArrayRef();
  const DimVector dims = wrap_dims(wanted, self.dim(), "var");
  int64_t count = 1;
  for (int64_t d : dims) count *= self.size(d);
  const Tensor x = self.to(compute_type(self.dtype()));
  const OptionalIntArrayRef over = dims.empty() ? OptionalIntArrayRef() : IntArrayRef(dims);
  const Tensor center = x.mean(over, true);
  const Tensor squares = (x - center).square().sum(over, keepdim);
  const int64_t divisor = std::max<int64_t>(count - correction.value_or(1), 0);
  return {squares / Scalar(double(divisor)), center.reshape(squares.sizes())};
}

/// The square root of a variance; its gradient is 0, not infinite, where the variance is 0.
Tensor deviation(const Tensor& variance) {
  if (!needs_recording(variance)) return variance.sqrt();
  const Tensor constant = variance.detach().eq(0);
  return variance.masked_fill(constant, 1).sqrt().masked_fill(constant, 0);
}

}  // namespace

std::tuple<Tensor, Tensor> var_mean(const Tensor& self, OptionalIntArrayRef dim,
                                    optional<int64_t> correction, bool keepdim) {
  const profiler::RecordOp recorded("var_mean", self);
  const auto [variance, center] = wide_var_mean(self, dim, correction, keepdim);
  return {variance.to(self.dtype()), center.to(self.dtype())};
}
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, OptionalIntArrayRef dim,
                                    optional<int64_t> correction, bool keepdim) {
  const profiler::RecordOp recorded("std_mean", self);
  const auto [variance, center] = wide_var_mean(self, dim, correction, keepdim);
  return {deviation(variance).to(self.dtype()), center.to(self.dtype())};
}
Tensor var(const Tensor& self, OptionalIntArrayRef dim, optional<int64_t> correction,
           bool keepdim) {
  const profiler::RecordOp recorded("var", self);
  return std::get<0>(var_mean(self, dim, correction, keepdim));
}
Tensor std(const Tensor& self, OptionalIntArrayRef dim, optional<int64_t> correction,
           bool keepdim) {
  const profiler::RecordOp recorded("std", self);
  return std::get<0>(std_mean(self, dim, correction, keepdim));
}

std::tuple<Tensor, Tensor> var_mean(const Tensor& self, OptionalIntArrayRef dim, bool unbiased,
                                    bool keepdim) {
  return var_mean(self, dim, optional<int64_t>(unbiased), keepdim);
}
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, OptionalIntArrayRef dim, bool unbiased,
                                    bool keepdim) {
  return std_mean(self, dim, optional<int64_t>(unbiased), keepdim);
}
Tensor var(const Tensor& self, OptionalIntArrayRef dim, bool unbiased, bool keepdim) {
  return var(self, dim, optional<int64_t>(unbiased), keepdim);
}
Tensor var(const Tensor& self, bool unbiased) { return var(self, nullopt, unbiased, false); }
Tensor std(const Tensor& self, OptionalIntArrayRef dim, bool unbiased, bool keepdim) {
  return fg::std(self, dim, optional<int64_t>(unbiased), keepdim);
}
Tensor std(const Tensor& self, bool unbiased) { return fg::std(self, nullopt, unbiased, false); }

}  // namespace fg
