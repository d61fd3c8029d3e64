// norm: p-norms over any dims, with the gradients PyTorch gives where |x|^p has none.
#include <cmath>

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

struct NormBackward : Node {
  Saved x{this}, y{this};
  double p = 2;
  DimVector dims;
  bool keepdim = false;

  std::string name() const override { return "NormBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor input = x.unpack();
    const Tensor value = kept(y.unpack(), input.dim());
    const Tensor g = kept(grads[0], input.dim());
    if (p == 0) return {input * 0};
    if (p == 1) return {input.sign() * g};
    if (std::isinf(p)) {
      const Tensor hit = input.abs().eq(value).to(input.dtype());
      const OptionalIntArrayRef over = dims.empty() ? OptionalIntArrayRef() : IntArrayRef(dims);
      return {input.sign() * hit * (g / hit.sum(over, true))};
    }
    // At 0 the p-norm has no gradient (p <= 1) or a removable one: 0 is PyTorch's choice.
    const Tensor zero = value.eq(0);
    if (p == 2) return {input * where(zero, Scalar(0), g / where(zero, Scalar(1), value))};
    const Tensor safe = where(zero, Scalar(1), value);
    const Tensor at_zero = input.eq(0);
    const Tensor magnitude = where(at_zero, Scalar(1), input.abs()).pow(Scalar(p - 1));
    const Tensor slope = where(at_zero, Scalar(0), input.sign() * magnitude);
    return {slope * where(zero, Scalar(0), g / safe.pow(Scalar(p - 1)))};
  }

 private:
  Tensor kept(Tensor t, int64_t rank) const {
    if (!keepdim)
      for (int64_t d = 0; d < rank; ++d)
        if (std::find(dims.begin(), dims.end(), d) != dims.end()) t = t.unsqueeze(d);
    return t;
  }
};

Tensor norm_value(const Tensor& x, double p, OptionalIntArrayRef dims, bool keepdim) {
  if (p == 0) return x.ne(0).sum(dims, keepdim, x.dtype());
  if (p == 2) return x.square().sum(dims, keepdim).sqrt();
  const Tensor a = x.abs();
  if (std::isinf(p)) {
    const IntArrayRef over = dims.has_value() ? *dims : IntArrayRef();
    return p > 0 ? a.amax(over, keepdim) : a.amin(over, keepdim);
  }
  if (p == 1) return a.sum(dims, keepdim);
  return a.pow(Scalar(p)).sum(dims, keepdim).pow(Scalar(1 / p));
}

}  // namespace

Tensor norm(const Tensor& self, const optional<Scalar>& order, IntArrayRef dim, bool keepdim) {
  if (detail::is_autocast())
    return detail::autocast_call(
        "norm", [](const auto&... in) { return norm(in...); }, self, order, dim, keepdim);
  const profiler::RecordOp recorded("norm", self);
  const double p = order.value_or(2).toDouble();
  ENSURE(self.is_floating_point(), "norm: dtype must be floating, got ", self.dtype());
  const DimVector dims = self.dim() == 0 ? DimVector() : wrap_dims(dim, self.dim(), "norm");
  auto node = make_node<NormBackward>(self);
  Tensor value;
  {
    NoGradGuard guard;
    const Tensor x = self.to(compute_type(self.dtype()));
    value = norm_value(
                x, p, dims.empty() ? OptionalIntArrayRef() : OptionalIntArrayRef(IntArrayRef(dims)),
                keepdim)
                .to(self.dtype());
  }
  if (node) {
    node->p = p;
    node->dims = dims;
    node->keepdim = keepdim;
    node->x.save(self);
    node->attach(value);
    node->y.save(value);
  }
  return value;
}
Tensor norm(const Tensor& self, const Scalar& p) { return norm(self, p, IntArrayRef(), false); }
Tensor norm(const Tensor& self, const optional<Scalar>& p, ScalarType dtype) {
  return norm(self.to(dtype), p, IntArrayRef(), false);
}
Tensor norm(const Tensor& self, const optional<Scalar>& p, IntArrayRef dim, bool keepdim,
            ScalarType dtype) {
  return norm(self.to(dtype), p, dim, keepdim);
}

}  // namespace fg
