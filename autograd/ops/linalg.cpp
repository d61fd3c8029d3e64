#include "autograd/ops/linalg.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/checks.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/linear.h"
#include "tensor/kernels/matmul.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

void check_product(const Tensor& a, const Tensor& b, int64_t dims, const char* op) {
  ENSURE(a.dim() == dims && b.dim() == dims, op, ": tensors must have ", dims, " dims, got shapes ",
         a.sizes(), " and ", b.sizes());
  ENSURE(a.dtype() == b.dtype(), op, ": tensors must have one dtype, got ", a.dtype(), " and ",
         b.dtype());
  ENSURE(a.device() == b.device(), op, ": tensors must be on one device, got ", a.device(), " and ",
         b.device());
  ENSURE(a.size(-1) == b.size(-2) && (dims == 2 || a.size(0) == b.size(0)), op, ": shapes ",
         a.sizes(), " and ", b.sizes(), " cannot be multiplied");
}

void run_product(const Tensor& out, const Tensor& a, const Tensor& b, double alpha = 1,
                 double beta = 0) {
  ON_DEVICE(out, batched_matmul, out, a, b, alpha, beta);
}

/// y = alpha a b: matrices or batches of matrices.
struct MatmulBackward : Node {
  Saved a{this}, b{this};
  const char* op = "";
  std::string name() const override { return op; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    std::vector<Tensor> result(2);
    if (needs(0)) result[0] = matmul(grads[0], b.unpack().mT());
    if (needs(1)) result[1] = matmul(a.unpack().mT(), grads[0]);
    return result;
  }
};

Tensor product(const Tensor& a, const Tensor& b, const char* node_name) {
  auto node = make_node<MatmulBackward>(a, b);
  DimVector sizes(a.sizes().begin(), a.sizes().end());
  sizes.back() = b.size(-1);
  const Tensor out = empty(sizes, a.options());
  run_product(out, a, b);
  if (node) {
    node->op = node_name;
    if (node->needs(1)) node->a.save(a);
    if (node->needs(0)) node->b.save(b);
    node->attach(out);
  }
  return out;
}

/// beta * self + alpha * a b in one product.
struct AddmmBackward : Node {
  Saved a{this}, b{this};
  double alpha = 1, beta = 1;
  std::string name() const override { return "AddmmBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const auto scaled = [](const Tensor& t, double by) { return by == 1 ? t : t * by; };
    std::vector<Tensor> result(3);
    if (needs(0)) result[0] = scaled(grads[0], beta);
    if (needs(1)) result[1] = scaled(matmul(grads[0], b.unpack().mT()), alpha);
    if (needs(2)) result[2] = scaled(matmul(a.unpack().mT(), grads[0]), alpha);
    return result;
  }
};

Tensor add_product(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta,
                   const Scalar& alpha, int64_t dims, const char* op) {
  const profiler::RecordOp recorded(op, self, a, b);
  check_product(a, b, dims, op);
  ENSURE(self.dtype() == a.dtype(), op, ": self must have dtype ", a.dtype(), " (a's), got ",
         self.dtype());
  DimVector sizes(a.sizes().begin(), a.sizes().end());
  sizes.back() = b.size(-1);
  ENSURE(is_expandable_to(self.sizes(), sizes), op, ": self of shape ", self.sizes(),
         " must be broadcastable to ", sizes);
  auto node = make_node<AddmmBackward>(self, a, b);
  const Tensor out = empty(sizes, a.options());
  const bool is_bias = dims == 2 && self.dim() == 1 && self.size(0) == sizes.back() &&
                       self.device() == a.device() && out.is_floating_point();
  if (is_bias && alpha.toDouble() == 1 && beta.toDouble() == 1) {
    const Tensor columns = b.detach().t();
    ON_DEVICE(out, linear_forward, out, a, columns, self, LinearActivation::None, Tensor());
  } else {
    if (beta.toDouble() != 0) copy_values(out, self);
    run_product(out, a, b, alpha.toDouble(), beta.toDouble());
  }
  if (node) {
    node->alpha = alpha.toDouble();
    node->beta = beta.toDouble();
    if (node->needs(2)) node->a.save(a);
    if (node->needs(1)) node->b.save(b);
    node->attach(out);
  }
  return out;
}

}  // namespace

Tensor mm(const Tensor& self, const Tensor& other) {
  if (detail::is_autocast()) return detail::autocast_call("mm", mm, self, other);
  const profiler::RecordOp recorded("mm", self, other);
  check_product(self, other, 2, "mm");
  return product(self, other, "MmBackward");
}
Tensor bmm(const Tensor& self, const Tensor& other) {
  if (detail::is_autocast()) return detail::autocast_call("bmm", bmm, self, other);
  const profiler::RecordOp recorded("bmm", self, other);
  check_product(self, other, 3, "bmm");
  return product(self, other, "BmmBackward");
}
Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta,
             const Scalar& alpha) {
  if (detail::is_autocast()) return detail::autocast_call("addmm", addmm, self, a, b, beta, alpha);
  return add_product(self, a, b, beta, alpha, 2, "addmm");
}
Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta,
               const Scalar& alpha) {
  if (detail::is_autocast())
    return detail::autocast_call("baddbmm", baddbmm, self, a, b, beta, alpha);
  return add_product(self, a, b, beta, alpha, 3, "baddbmm");
}

Tensor mv(const Tensor& self, const Tensor& vector) {
  if (detail::is_autocast()) return detail::autocast_call("mv", mv, self, vector);
  const profiler::RecordOp recorded("mv", self, vector);
  ENSURE(self.dim() == 2 && vector.dim() == 1 && self.size(1) == vector.size(0),
         "mv: shapes must be [n, k] and [k], got ", self.sizes(), " and ", vector.sizes());
  return mm(self, vector.unsqueeze(1)).squeeze(1);
}
Tensor addmv(const Tensor& self, const Tensor& matrix, const Tensor& vector, const Scalar& beta,
             const Scalar& alpha) {
  if (detail::is_autocast())
    return detail::autocast_call("addmv", addmv, self, matrix, vector, beta, alpha);
  const profiler::RecordOp recorded("addmv", self, matrix, vector);
  const Tensor product = mv(matrix, vector) * alpha;
  return beta.toDouble() == 0 ? product : product + self * beta;
}
Tensor dot(const Tensor& self, const Tensor& other) {
  if (detail::is_autocast()) return detail::autocast_call("dot", dot, self, other);
  const profiler::RecordOp recorded("dot", self, other);
  ENSURE(self.dim() == 1 && other.dim() == 1 && self.size(0) == other.size(0),
         "dot: shapes must be [n] and [n], got ", self.sizes(), " and ", other.sizes());
  ENSURE(self.dtype() == other.dtype(), "dot: tensors must have one dtype, got ", self.dtype(),
         " and ", other.dtype());
  return (self * other).sum(self.dtype());
}
Tensor outer(const Tensor& self, const Tensor& other) {
  const profiler::RecordOp recorded("outer", self, other);
  ENSURE(self.dim() == 1 && other.dim() == 1, "outer: tensors must have 1 dim, got shapes ",
         self.sizes(), " and ", other.sizes());
  return self.unsqueeze(1) * other;
}

namespace {

// Leading dims of a left operand fold into its rows when the right operand is one matrix.
Tensor matmul_folded(const Tensor& a, const Tensor& b) {
  DimVector sizes(a.sizes().begin(), a.sizes().end());
  sizes.back() = b.size(1);
  return mm(a.reshape({-1, a.size(-1)}), b).view(sizes);
}

}  // namespace

Tensor matmul(const Tensor& self, const Tensor& other) {
  if (detail::is_autocast()) return detail::autocast_call("matmul", matmul, self, other);
  const profiler::RecordOp recorded("matmul", self, other);
  ENSURE(self.dim() > 0 && other.dim() > 0, "matmul: tensors must have at least 1 dim, got shapes ",
         self.sizes(), " and ", other.sizes());
  if (self.dim() == 1 && other.dim() == 1) return dot(self, other);
  if (self.dim() == 1) return matmul(self.unsqueeze(0), other).squeeze(-2);
  if (other.dim() == 1) return matmul(self, other.unsqueeze(1)).squeeze(-1);
  ENSURE(self.size(-1) == other.size(-2), "matmul: shapes ", self.sizes(), " and ", other.sizes(),
         " cannot be multiplied");
  if (self.dim() == 2 && other.dim() == 2) return mm(self, other);
  if (other.dim() == 2 && self.numel() > 0) return matmul_folded(self, other);
  const size_t a_lead = size_t(self.dim()) - 2, b_lead = size_t(other.dim()) - 2;
  DimVector batch =
      broadcast_shapes(self.sizes().slice(0, a_lead), other.sizes().slice(0, b_lead), "matmul");
  if (numel_of(other.sizes().slice(0, b_lead)) == 1 && self.numel() > 0) {
    // One matrix for all of the batch: one product, and one for its gradient too.
    batch.push_back(self.size(-2));
    batch.push_back(other.size(-1));
    return matmul_folded(self, other.reshape({other.size(-2), other.size(-1)})).view(batch);
  }
  const auto batched = [&](const Tensor& t) {
    DimVector sizes = batch;
    sizes.push_back(t.size(-2));
    sizes.push_back(t.size(-1));
    return t.expand(sizes).reshape({numel_of(batch), t.size(-2), t.size(-1)});
  };
  const Tensor flat = bmm(batched(self), batched(other));
  batch.push_back(self.size(-2));
  batch.push_back(other.size(-1));
  return flat.view(batch);
}

namespace {

/// x weight^T + bias on a matrix x. Its own node, because through weight.t() the weight's gradient would
/// arrive transposed and be copied, and so that the weight's and the bias' gradient come from one product.
struct LinearBackward : Node {
  Saved x{this}, weight{this};
  std::string name() const override { return "LinearBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor& g = grads[0];
    std::vector<Tensor> result(3);
    if (needs(0)) result[0] = mm(g, weight.unpack());
    if (needs(1) && needs(2) && !GradMode::is_enabled()) {
      const Tensor rows = x.unpack();
      result[1] = empty({g.size(1), rows.size(1)}, g.options());
      result[2] = empty({g.size(1)}, g.options());
      ON_DEVICE(g, linear_weight_grad, result[1], result[2], g, rows);
    } else {
      if (needs(1)) result[1] = mm(g.t(), x.unpack());
      if (needs(2)) result[2] = g.sum({0});
    }
    return result;
  }
};

Tensor linear_rows(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  auto node = make_node<LinearBackward>(x, weight, bias);
  const Tensor out = empty({x.size(0), weight.size(0)}, x.options());
  ON_DEVICE(out, linear_forward, out, x, weight, bias, LinearActivation::None, Tensor());
  if (node) {
    if (node->needs(1)) node->x.save(x);
    if (node->needs(0)) node->weight.save(weight);
    node->attach(out);
  }
  return out;
}

}  // namespace

void detail::check_linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
                          const char* op) {
  ENSURE(weight.dim() == 2, op, ": weight must have shape [out_features, in_features], got ",
         weight.sizes());
  ENSURE(x.dim() > 0 && x.size(-1) == weight.size(1), op, ": input must have ", weight.size(1),
         " features in its last dim, got shape ", x.sizes());
  ENSURE(!bias.defined() || bias.sizes() == IntArrayRef({weight.size(0)}), op,
         ": bias must have shape [", weight.size(0), "], got ",
         bias.defined() ? bias.sizes() : IntArrayRef());
  for (const Tensor& t : {weight, bias}) {
    if (!t.defined()) continue;
    ENSURE(t.dtype() == x.dtype(), op, ": weight and bias must have dtype ", x.dtype(),
           " (the input's), got ", t.dtype());
    ENSURE(t.device() == x.device(), op, ": weight and bias must be on ", x.device(),
           " (the input's device), got ", t.device());
  }
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (detail::is_autocast()) return detail::autocast_call("linear", linear, x, weight, bias);
  const profiler::RecordOp recorded("linear", x, weight, bias);
  detail::check_linear(x, weight, bias, "linear");
  if (x.dim() == 2) return linear_rows(x, weight, bias);
  DimVector sizes(x.sizes().begin(), x.sizes().end());
  sizes.back() = weight.size(0);
  return linear_rows(x.dim() == 1 ? x.unsqueeze(0) : x.flatten(0, -2), weight, bias).view(sizes);
}

Tensor TensorMethods::matmul(const Tensor& other) const { return fg::matmul(self(), other); }
Tensor TensorMethods::mm(const Tensor& other) const { return fg::mm(self(), other); }
Tensor TensorMethods::bmm(const Tensor& other) const { return fg::bmm(self(), other); }
Tensor TensorMethods::mv(const Tensor& vector) const { return fg::mv(self(), vector); }
Tensor TensorMethods::dot(const Tensor& other) const { return fg::dot(self(), other); }
Tensor TensorMethods::outer(const Tensor& other) const { return fg::outer(self(), other); }
Tensor TensorMethods::addmm(const Tensor& a, const Tensor& b, const Scalar& beta,
                            const Scalar& alpha) const {
  return fg::addmm(self(), a, b, beta, alpha);
}
Tensor& TensorMethods::addmm_(const Tensor& a, const Tensor& b, const Scalar& beta,
                              const Scalar& alpha) const {
  const profiler::RecordOp recorded("addmm_", self(), a, b);
  check_inplace(self(), "addmm_");
  return self().copy_(fg::addmm(self(), a, b, beta, alpha));
}
Tensor TensorMethods::baddbmm(const Tensor& a, const Tensor& b, const Scalar& beta,
                              const Scalar& alpha) const {
  return fg::baddbmm(self(), a, b, beta, alpha);
}

}  // namespace fg
