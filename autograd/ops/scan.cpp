#include "autograd/ops/scan.h"

#include <cmath>

#include "autograd/autocast_call.h"
#include "autograd/ops/indexed_access.h"
#include "autograd/ops/join.h"
#include "tensor/factories.h"
#include "tensor/kernels/scan.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

Tensor running_sum(const Tensor& x, int64_t dim, bool reverse);
Tensor linear_recurrence(const Tensor& a, const Tensor& b, int64_t dim, bool reverse);

// Moves everything one place on along `dim`: a slice of `entering` comes in, the last one leaves.
Tensor shifted(const Tensor& x, int64_t dim, double entering) {
  const int64_t extent = x.size(dim);
  if (extent == 0) return x;
  DimVector slice(x.sizes().begin(), x.sizes().end());
  slice[size_t(dim)] = 1;
  const Tensor edge = full(slice, entering, x.options());
  return cat({edge, x.narrow(dim, 0, extent - 1)}, dim);
}

struct CumsumBackward : Node {
  int64_t dim = 0;
  bool reverse = false;
  std::string name() const override { return "CumsumBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {running_sum(grads[0], dim, !reverse)};
  }
};

Tensor running_sum(const Tensor& x, int64_t dim, bool reverse) {
  auto node = make_node<CumsumBackward>(x);
  const Tensor in = detail::to_compute(x);
  Tensor out = empty(in.sizes(), in.options());
  ON_DEVICE(x, cumsum, out, in, dim, reverse);
  out = out.to(x.dtype());
  if (node) {
    node->dim = dim;
    node->reverse = reverse;
    node->attach(out);
  }
  return out;
}

// d y_j / d x_i is the product of all x_k, k <= j, but x_i; so with g the gradient of y,
// grad_x_i = y_{i-1} * R_i, where R_i = g_i + x_{i+1} * R_{i+1}. No division: zeros are no exception.
struct CumprodBackward : Node {
  Saved x{this}, y{this};
  int64_t dim = 0;
  std::string name() const override { return "CumprodBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {linear_recurrence(x.unpack(), grads[0], dim, true).mul(shifted(y.unpack(), dim, 1))};
  }
};

// h_i = a_i h_{i-1} + b_i has the gradient of b: G_i = g_i + a_{i+1} G_{i+1}, the same recurrence from
// the other end, and of a: G_i h_{i-1}. Reversed, h_i = a_{i+1} h_{i+1} + b_i: G_i = g_i + a_i G_{i-1}
// and G_{i-1} h_i. So it is closed under differentiation.
struct LinearRecurrenceBackward : Node {
  Saved a{this}, h{this};
  int64_t dim = 0;
  bool reverse = false;
  std::string name() const override { return "LinearRecurrenceBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor grad_b = linear_recurrence(a.unpack(), grads[0], dim, !reverse);
    if (!needs(0)) return {Tensor(), grad_b};
    const Tensor grad_a =
        reverse ? shifted(grad_b, dim, 0).mul(h.unpack()) : grad_b.mul(shifted(h.unpack(), dim, 0));
    return {grad_a, grad_b};
  }
};

Tensor linear_recurrence(const Tensor& a, const Tensor& b, int64_t dim, bool reverse) {
  auto node = make_node<LinearRecurrenceBackward>(a, b);
  const Tensor factors = detail::to_compute(a), terms = detail::to_compute(b);
  Tensor out = empty(factors.sizes(), factors.options());
  ON_DEVICE(a, linear_recurrence, out, factors, terms, dim, reverse);
  out = out.to(a.dtype());
  if (node) {
    node->a.save(a);
    node->dim = dim;
    node->reverse = reverse;
    node->attach(out);
    node->h.save(out);
  }
  return out;
}

// grad_x_j = sum_{i >= j} g_i exp(x_j - y_i) = exp(x_j - y_j) S_j, where
// S_j = g_j + exp(y_j - y_{j+1}) S_{j+1}. No factor exceeds 1.
struct LogcumsumexpBackward : Node {
  Saved x{this}, y{this};
  int64_t dim = 0;
  std::string name() const override { return "LogcumsumexpBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor result = y.unpack();
    // Where all elements so far are -inf, so that -inf - y is -inf and not NaN.
    const Tensor finite = result.masked_fill(result.eq(Scalar(-INFINITY)), Scalar(0));
    const Tensor factors = shifted(result, dim, -INFINITY).sub(finite).exp();
    return {x.unpack().sub(finite).exp().mul(linear_recurrence(factors, grads[0], dim, true))};
  }
};

ScalarType result_dtype(const Tensor& x, const optional<ScalarType>& dtype) {
  return dtype.value_or(is_floating(x.dtype()) ? x.dtype() : kLong);
}

std::tuple<Tensor, Tensor> running_extreme(const Tensor& x, int64_t dim, bool largest,
                                           const char* op, const char* node) {
  const profiler::RecordOp recorded(op, x);
  dim = wrap_dim(dim, x.dim(), op);
  if (x.dim() == 0) return {x.clone(), zeros({}, x.options().dtype(kLong))};
  const Tensor indices = empty(x.sizes(), x.options().dtype(kLong));
  ON_DEVICE(x, cumulative_extreme, indices, detail::to_compute(x), dim, largest);
  return {detail::pick_along(x, dim, indices, node), indices};
}

}  // namespace

Tensor cumsum(const Tensor& x, int64_t dim, optional<ScalarType> dtype) {
  if (detail::is_autocast()) return detail::autocast_call("cumsum", cumsum, x, dim, dtype);
  const profiler::RecordOp recorded("cumsum", x);
  dim = wrap_dim(dim, x.dim(), "cumsum");
  return running_sum(x.to(result_dtype(x, dtype)), dim, false);
}

Tensor cumprod(const Tensor& x0, int64_t dim, optional<ScalarType> dtype) {
  if (detail::is_autocast()) return detail::autocast_call("cumprod", cumprod, x0, dim, dtype);
  const profiler::RecordOp recorded("cumprod", x0);
  dim = wrap_dim(dim, x0.dim(), "cumprod");
  if (x0.dim() == 0) return cumprod(x0.unsqueeze(0), 0, dtype).squeeze(0);
  const Tensor x = x0.to(result_dtype(x0, dtype));
  auto node = make_node<CumprodBackward>(x);
  const Tensor in = detail::to_compute(x);
  Tensor out = empty(in.sizes(), in.options());
  ON_DEVICE(x, cumprod, out, in, dim);
  out = out.to(x.dtype());
  if (node) {
    node->x.save(x);
    node->dim = dim;
    node->attach(out);
    node->y.save(out);
  }
  return out;
}

Tensor logcumsumexp(const Tensor& x, int64_t dim) {
  const profiler::RecordOp recorded("logcumsumexp", x);
  ENSURE(is_floating(x.dtype()), "logcumsumexp: tensor must have a floating dtype, got ",
         x.dtype());
  dim = wrap_dim(dim, x.dim(), "logcumsumexp");
  if (x.dim() == 0) return logcumsumexp(x.unsqueeze(0), 0).squeeze(0);
  auto node = make_node<LogcumsumexpBackward>(x);
  const Tensor in = detail::to_compute(x);
  Tensor out = empty(in.sizes(), in.options());
  ON_DEVICE(x, logcumsumexp, out, in, dim);
  out = out.to(x.dtype());
  if (node) {
    node->x.save(x);
    node->dim = dim;
    node->attach(out);
    node->y.save(out);
  }
  return out;
}

std::tuple<Tensor, Tensor> cummax(const Tensor& x, int64_t dim) {
  return running_extreme(x, dim, true, "cummax", "Cummax");
}
std::tuple<Tensor, Tensor> cummin(const Tensor& x, int64_t dim) {
  return running_extreme(x, dim, false, "cummin", "Cummin");
}

Tensor diff(const Tensor& x, int64_t n, int64_t dim, const Tensor& prepend, const Tensor& append) {
  const profiler::RecordOp recorded("diff", x);
  ENSURE(n >= 0, "diff: n must not be negative, got ", n);
  ENSURE(x.dim() >= 1, "diff: tensor must have at least 1 dim, got shape ", x.sizes());
  std::vector<Tensor> parts;
  for (const Tensor& part : {prepend, x, append})
    if (part.defined()) parts.push_back(part);
  Tensor out = parts.size() > 1 && n > 0 ? cat(parts, dim) : x;
  for (; n > 0 && out.size(dim) > 0; --n) {
    const int64_t count = out.size(dim) - 1;
    const Tensor later = out.narrow(dim, 1, count), earlier = out.narrow(dim, 0, count);
    out = x.dtype() == kBool ? later.logical_xor(earlier) : later.sub(earlier);
  }
  return out;
}

Tensor TensorMethods::cumsum(int64_t dim, optional<ScalarType> dtype) const {
  return fg::cumsum(self(), dim, dtype);
}
Tensor TensorMethods::cumprod(int64_t dim, optional<ScalarType> dtype) const {
  return fg::cumprod(self(), dim, dtype);
}
Tensor TensorMethods::logcumsumexp(int64_t dim) const { return fg::logcumsumexp(self(), dim); }

}  // namespace fg
