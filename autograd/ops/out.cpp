#include "autograd/ops/out.h"

#include "tensor/profiler.h"

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
  const profiler::RecordOp recorded("sum_out", x);
  NoGradGuard no_grad;
  return detail::write_out(out, sum(x, dim, keepdim, dtype ? dtype : out.dtype()), "sum_out");
}
Tensor& mean_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool keepdim,
                 optional<ScalarType> dtype) {
  const profiler::RecordOp recorded("mean_out", x);
  NoGradGuard no_grad;
  return detail::write_out(out, mean(x, dim, keepdim, dtype), "mean_out");
}
Tensor& cat_out(Tensor& out, TensorList tensors, int64_t dim) {
  const profiler::RecordOp recorded("cat_out", tensors);
  NoGradGuard no_grad;
  return detail::write_out(out, cat(tensors, dim), "cat_out");
}
Tensor& var_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool unbiased,
                bool keepdim) {
  NoGradGuard no_grad;
  return detail::write_out(out, var(x, dim, unbiased, keepdim), "var_out");
}
Tensor& std_out(Tensor& out, const Tensor& x, OptionalIntArrayRef dim, bool unbiased,
                bool keepdim) {
  NoGradGuard no_grad;
  return detail::write_out(out, fg::std(x, dim, unbiased, keepdim), "std_out");
}
Tensor& amax_out(Tensor& out, const Tensor& x, IntArrayRef dim, bool keepdim) {
  NoGradGuard no_grad;
  return detail::write_out(out, amax(x, dim, keepdim), "amax_out");
}
Tensor& amin_out(Tensor& out, const Tensor& x, IntArrayRef dim, bool keepdim) {
  NoGradGuard no_grad;
  return detail::write_out(out, amin(x, dim, keepdim), "amin_out");
}
Tensor& hstack_out(Tensor& out, TensorList tensors) {
  NoGradGuard no_grad;
  return detail::write_out(out, hstack(tensors), "hstack_out");
}
Tensor& vstack_out(Tensor& out, TensorList tensors) {
  NoGradGuard no_grad;
  return detail::write_out(out, vstack(tensors), "vstack_out");
}
Tensor& dstack_out(Tensor& out, TensorList tensors) {
  NoGradGuard no_grad;
  return detail::write_out(out, dstack(tensors), "dstack_out");
}
Tensor& column_stack_out(Tensor& out, TensorList tensors) {
  NoGradGuard no_grad;
  return detail::write_out(out, column_stack(tensors), "column_stack_out");
}
Tensor& stack_out(Tensor& out, TensorList tensors, int64_t dim) {
  const profiler::RecordOp recorded("stack_out", tensors);
  NoGradGuard no_grad;
  return detail::write_out(out, stack(tensors, dim), "stack_out");
}
Tensor& zeros_out(Tensor& out, IntArrayRef size) { return out.resize_(size).zero_(); }
Tensor& ones_out(Tensor& out, IntArrayRef size) { return out.resize_(size).fill_(1); }
Tensor& full_out(Tensor& out, IntArrayRef size, const Scalar& value) {
  return out.resize_(size).fill_(value);
}
Tensor& rand_out(Tensor& out, IntArrayRef size) { return out.resize_(size).uniform_(); }
Tensor& randint_out(Tensor& out, int64_t high, IntArrayRef size) {
  return randint_out(out, 0, high, size);
}
Tensor& randint_out(Tensor& out, int64_t low, int64_t high, IntArrayRef size) {
  return out.resize_(size).random_(low, high);
}
Tensor& randn_out(Tensor& out, IntArrayRef size) { return out.resize_(size).normal_(); }

}  // namespace fg
