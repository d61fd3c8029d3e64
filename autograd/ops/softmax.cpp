#include "autograd/ops/softmax.h"

#include "autograd/autocast_call.h"
#include "autograd/node.h"
#include "tensor/factories.h"
#include "tensor/kernels/softmax.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

struct SoftmaxBackward : Node {
  Saved y{this};
  SoftmaxShape shape{};
  int64_t dim = 0;
  bool log = false;

  std::string name() const override { return log ? "LogSoftmaxBackward" : "SoftmaxBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor y = this->y.unpack();
    if (GradMode::is_enabled()) return {composed(grads[0], y).to(y.dtype())};
    const Tensor grad_x = empty(y.sizes(), y.options());
    ON_DEVICE(y, softmax_backward, grad_x, grads[0].contiguous(), y, shape, log);
    return {grad_x};
  }

 private:
  Tensor composed(const Tensor& grad, const Tensor& value) const {
    const ScalarType wide = compute_type(value.dtype());
    const Tensor g = grad.to(wide), y = value.to(wide);
    if (log) return g.sub(y.exp().mul(g.sum(dim, true)));
    return y.mul(g.sub(g.mul(y).sum(dim, true)));
  }
};

Tensor softmax_or_log(const char* op, const Tensor& input, int64_t dim, optional<ScalarType> dtype,
                      bool log) {
  const profiler::RecordOp recorded(op, input);
  if (dtype && *dtype != input.dtype())
    return softmax_or_log(op, input.to(*dtype), dim, nullopt, log);
  ENSURE(input.is_floating_point(), op, ": input must be floating (or dtype given), got ",
         input.dtype());
  dim = wrap_dim(dim, input.dim(), op);
  if (kernel_type(input) != input.dtype())
    return softmax_or_log(op, input.to(kFloat), dim, nullopt, log).to(input.dtype());

  SoftmaxShape shape{1, 1, 1};
  for (int64_t d = 0; d < input.dim(); ++d)
    (d < dim ? shape.outer : d == dim ? shape.extent : shape.inner) *= input.size(d);
  auto node = make_node<SoftmaxBackward>(input);
  const Tensor y = empty(input.sizes(), input.options());
  ON_DEVICE(input, softmax_forward, y, input.contiguous(), shape, log);
  if (node) {
    node->shape = shape, node->dim = dim, node->log = log;
    node->attach(y);
    node->y.save(y);
  }
  return y;
}

struct LogsumexpBackward : Node {
  Saved x{this}, y{this};

  std::string name() const override { return "LogsumexpBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor x = this->x.unpack();
    const ScalarType wide = compute_type(x.dtype());
    const Tensor shares = x.to(wide).sub(y.unpack().to(wide).unsqueeze(1)).exp();
    return {grads[0].to(wide).unsqueeze(1).mul(shares).to(x.dtype())};
  }
};

/// Over the second dim of a matrix.
Tensor row_logsumexp(const Tensor& x) {
  auto node = make_node<LogsumexpBackward>(x);
  const Tensor y = empty({x.size(0)}, x.options());
  ON_DEVICE(x, logsumexp_forward, y, x.contiguous());
  if (node) {
    node->x.save(x);
    node->attach(y);
    node->y.save(y);
  }
  return y;
}

}  // namespace

Tensor softmax(const Tensor& input, int64_t dim, optional<ScalarType> dtype) {
  if (detail::is_autocast()) return detail::autocast_call("softmax", softmax, input, dim, dtype);
  return softmax_or_log("softmax", input, dim, dtype, false);
}

Tensor log_softmax(const Tensor& input, int64_t dim, optional<ScalarType> dtype) {
  if (detail::is_autocast())
    return detail::autocast_call("log_softmax", log_softmax, input, dim, dtype);
  return softmax_or_log("log_softmax", input, dim, dtype, true);
}

Tensor softmin(const Tensor& input, int64_t dim, optional<ScalarType> dtype) {
  if (detail::is_autocast()) return detail::autocast_call("softmin", softmin, input, dim, dtype);
  return softmax_or_log("softmin", input.neg(), dim, dtype, false);
}

Tensor logsumexp(const Tensor& input, IntArrayRef dim, bool keepdim) {
  if (detail::is_autocast())
    return detail::autocast_call("logsumexp", logsumexp, input, dim, keepdim);
  const profiler::RecordOp recorded("logsumexp", input);
  const DimVector reduced = wrap_dims(dim, input.dim(), "logsumexp");
  if (!input.is_floating_point()) return logsumexp(input.to(get_default_dtype()), dim, keepdim);
  if (kernel_type(input) != input.dtype())
    return logsumexp(input.to(kFloat), dim, keepdim).to(input.dtype());

  DimVector order, out_sizes;
  int64_t rows = 1, extent = 1;
  for (int64_t d = 0; d < input.dim(); ++d) {
    if (std::find(reduced.begin(), reduced.end(), d) != reduced.end()) {
      extent *= input.size(d);
      if (keepdim) out_sizes.push_back(1);
    } else {
      rows *= input.size(d);
      order.push_back(d);
      out_sizes.push_back(input.size(d));
    }
  }
  if (input.dim() > 0)
    for (int64_t d : reduced) order.push_back(d);
  return row_logsumexp(input.permute(order).reshape({rows, extent})).reshape(out_sizes);
}

Tensor gumbel_softmax(const Tensor& logits, double tau, bool hard, int64_t dim) {
  const profiler::RecordOp recorded("gumbel_softmax", logits);
  ENSURE(tau > 0, "gumbel_softmax: tau must be positive, got ", tau);
  Tensor noise;
  {
    NoGradGuard no_grad;
    noise = empty_like(logits).exponential_().log().neg();
  }
  const Tensor soft = softmax(logits.add(noise).div(tau), dim);
  if (!hard) return soft;
  const Tensor index = std::get<1>(soft.detach().max(dim, true));
  const Tensor one_hot = zeros(soft.sizes(), soft.options()).scatter_(dim, index, 1.0);
  return one_hot.sub(soft.detach()).add(soft);
}

Tensor TensorMethods::softmax(int64_t dim, optional<ScalarType> dtype) const {
  return fg::softmax(self(), dim, dtype);
}
Tensor TensorMethods::log_softmax(int64_t dim, optional<ScalarType> dtype) const {
  return fg::log_softmax(self(), dim, dtype);
}
Tensor TensorMethods::logsumexp(IntArrayRef dim, bool keepdim) const {
  return fg::logsumexp(self(), dim, keepdim);
}

}  // namespace fg
