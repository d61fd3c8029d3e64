#include "autograd/ops/out.h"

namespace fg {

Tensor& detail::write_out(Tensor& out, const Tensor& result, const char* op) {
  ENSURE(out.defined(), op, ": out must be defined");
  ENSURE(!out.requires_grad(), op, ": out must not require grad (this form is not differentiable)");
  ENSURE(can_cast(result.dtype(), out.dtype()), op, ": result type ", result.dtype(),
         " cannot be written into out of dtype ", out.dtype());
  if (out.sizes() != result.sizes()) out.resize_(result.sizes());
  return out.copy_(result);
}

Tensor& sum_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool keepdim,
                optional<ScalarType> dtype) {
  NoGradGuard no_grad;
  return detail::write_out(out, sum(x, dim, keepdim, dtype ? dtype : out.dtype()), "sum_out");
}
Tensor& mean_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool keepdim,
                 optional<ScalarType> dtype) {
  NoGradGuard no_grad;
  return detail::write_out(out, mean(x, dim, keepdim, dtype), "mean_out");
}
Tensor& cat_out(Tensor& out, TensorList tensors, int64_t dim) {
  NoGradGuard no_grad;
  return detail::write_out(out, cat(tensors, dim), "cat_out");
}
Tensor& stack_out(Tensor& out, TensorList tensors, int64_t dim) {
  NoGradGuard no_grad;
  return detail::write_out(out, stack(tensors, dim), "stack_out");
}
Tensor& zeros_out(Tensor& out, IntArrayRef size) { return out.resize_(size).zero_(); }
Tensor& ones_out(Tensor& out, IntArrayRef size) { return out.resize_(size).fill_(1); }
Tensor& full_out(Tensor& out, IntArrayRef size, const Scalar& value) {
  return out.resize_(size).fill_(value);
}
Tensor& rand_out(Tensor& out, IntArrayRef size) { return out.resize_(size).uniform_(); }
Tensor& randn_out(Tensor& out, IntArrayRef size) { return out.resize_(size).normal_(); }

}  // namespace fg
