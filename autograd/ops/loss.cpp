#include "autograd/ops/loss.h"

#include <cmath>

#include "autograd/autocast_call.h"
#include "autograd/engine.h"
#include "autograd/ops/elementwise.h"
#include "tensor/factories.h"
#include "tensor/kernels/loss.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {

Tensor reduce_loss(const Tensor& loss, Reduction reduction) {
  return reduction == Reduction::None   ? loss
         : reduction == Reduction::Mean ? loss.mean()
                                        : loss.sum();
}

namespace {

struct PairLossBackward : Node {
  Saved x{this}, t{this};
  PairLoss loss{};
  double scale = 1;
  const char* node_name = "";
  /// x's gradient for an incoming gradient of 1, computed together with the loss, and given away once: whoever
  /// gets it may change it.
  Tensor unit_grad;

  std::string name() const override { return node_name; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor x = this->x.unpack(), t = this->t.unpack();
    if (GradMode::is_enabled()) return recorded(scale == 1 ? grads[0] : grads[0].mul(scale), x, t);
    if (needs(0) && !needs(1) && unit_grad.defined())
      if (Tensor result = scaled_unit_grad(grads[0]); result.defined()) return {result, Tensor()};
    const auto gradient = [&](size_t i, const Tensor& of) {
      return needs(i) ? empty(of.sizes(), of.options()) : Tensor();
    };
    const std::vector<Tensor> result{gradient(0, x), gradient(1, t)};
    ON_DEVICE(x, pair_loss_backward, result[0], result[1], grads[0].contiguous(), x.contiguous(),
              t.contiguous(), loss, scale);
    return result;
  }
  void release_extra() override { unit_grad.reset(); }

 private:
  /// Undefined where it has to be computed anew: a gradient of 16 bits has been rounded, perhaps to 0, which a loss
  /// that is scaled up is there to prevent.
  Tensor scaled_unit_grad(const Tensor& grad) {
    const Tensor result = std::exchange(unit_grad, Tensor());
    if (Engine::is_implicit_one(grad)) return result;
    return is_reduced_floating(result.dtype()) ? Tensor() : result.mul_(grad);
  }
  std::vector<Tensor> recorded(const Tensor& g, const Tensor& x, const Tensor& t) const {
    std::vector<Tensor> result(2);
    functors::dispatch_pair_loss(loss, [&](auto functor) {
      if (needs(0)) result[0] = functor.grad_x(g, x, t);
      if (needs(1)) result[1] = functor.grad_t(g, x, t);
    });
    return result;
  }
};

/// Whether the kernels take the pair as it is, though its dtypes differ.
bool is_mixed_pair(const Tensor& input, const Tensor& target, PairLoss loss) {
  const auto fits = [](const Tensor& t) {
    return t.is_cuda() && (t.dtype() == kFloat || is_reduced_floating(t.dtype()));
  };
  return loss.kind == PairLoss::Mse && input.dtype() != target.dtype() && fits(input) &&
         fits(target);
}

/// An elementwise loss of two tensors, with the reduction in the same pass, and the gradient by `input` as well,
/// in case that the loss is what backward() starts from.
Tensor pair_loss(const char* op, const char* node_name, const Tensor& input, const Tensor& target,
                 Reduction reduction, PairLoss loss) {
  const profiler::RecordOp recorded(op, input, target);
  const ScalarType dtype = promote_types(input.dtype(), target.dtype());
  ENSURE(is_floating(dtype), op, ": input or target must be floating, got ", input.dtype(), " and ",
         target.dtype());
  const DimVector shape = broadcast_shapes(input.sizes(), target.sizes(), op);
  const bool mixed = is_mixed_pair(input, target, loss);
  const Tensor x = (mixed ? input : input.to(dtype)).expand(shape);
  const Tensor t = (mixed ? target : target.to(dtype)).expand(shape);
  if (!mixed && kernel_type(x) != dtype) {
    return pair_loss(op, node_name, input.to(kFloat), target.to(kFloat), reduction, loss).to(dtype);
  }
  const bool reduced = reduction != Reduction::None;
  const double scale = reduction == Reduction::Mean ? 1 / double(x.numel()) : 1;
  auto node = make_node<PairLossBackward>(x, t);
  const Tensor y = empty(reduced ? DimVector{} : shape, x.options().dtype(dtype));
  Tensor unit_grad;
  if (reduced) {
    if (node && node->needs(0) && !node->needs(1)) unit_grad = empty(shape, x.options());
    ON_DEVICE(x, pair_loss_sum, y, unit_grad, x.contiguous(), t.contiguous(), loss, scale);
  } else {
    ON_DEVICE(x, pair_loss_forward, y, x.contiguous(), t.contiguous(), loss);
  }
  if (node) {
    node->x.save(x);
    node->t.save(t);
    node->loss = loss, node->scale = scale, node->node_name = node_name;
    node->unit_grad = unit_grad;
    node->attach(y);
  }
  return y;
}

void check_same_shape(const char* op, const Tensor& input, const Tensor& target) {
  ENSURE(input.sizes().equals(target.sizes()), op, ": target must have input's shape ",
         input.sizes(), ", got ", target.sizes());
}

}  // namespace

Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("mse_loss", mse_loss, input, target, reduction);
  return pair_loss("mse_loss", "MseLossBackward", input, target, reduction, {PairLoss::Mse});
}

Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("l1_loss", l1_loss, input, target, reduction);
  return pair_loss("l1_loss", "L1LossBackward", input, target, reduction, {PairLoss::L1});
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, Reduction reduction, double beta) {
  if (detail::is_autocast())
    return detail::autocast_call("smooth_l1_loss", smooth_l1_loss, input, target, reduction, beta);
  const profiler::RecordOp recorded("smooth_l1_loss", input, target);
  ENSURE(beta >= 0, "smooth_l1_loss: beta must not be negative, got ", beta);
  if (beta == 0) return l1_loss(input, target, reduction);
  return pair_loss("smooth_l1_loss", "SmoothL1LossBackward", input, target, reduction,
                   {PairLoss::SmoothL1, beta});
}

Tensor huber_loss(const Tensor& input, const Tensor& target, Reduction reduction, double delta) {
  if (detail::is_autocast())
    return detail::autocast_call("huber_loss", huber_loss, input, target, reduction, delta);
  const profiler::RecordOp recorded("huber_loss", input, target);
  ENSURE(delta > 0, "huber_loss: delta must be positive, got ", delta);
  return pair_loss("huber_loss", "HuberLossBackward", input, target, reduction,
                   {PairLoss::Huber, delta});
}

Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input, bool full,
                        double eps, Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("poisson_nll_loss", poisson_nll_loss, input, target, log_input,
                                 full, eps, reduction);
  const profiler::RecordOp recorded("poisson_nll_loss", input, target);
  Tensor loss =
      log_input ? input.exp().sub(target.mul(input)) : input.sub(target.mul(input.add(eps).log()));
  if (full) {
    const Tensor stirling =
        target.mul(target.log()).sub(target).add(target.mul(2 * M_PI).log().mul(0.5));
    loss = loss.add(stirling.masked_fill(target.le(1), 0));
  }
  return reduce_loss(loss, reduction);
}

Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var, bool full,
                         double eps, Reduction reduction) {
  const profiler::RecordOp recorded("gaussian_nll_loss", input, target, var);
  const IntArrayRef shape = input.sizes();
  Tensor v = var;
  if (!var.sizes().equals(shape)) {
    const bool rank_ok =
        input.dim() > 0 && (var.dim() == input.dim() || var.dim() == input.dim() - 1);
    const IntArrayRef leading = rank_ok ? shape.slice(0, shape.size() - 1) : IntArrayRef();
    const bool fits = rank_ok && var.sizes().slice(0, leading.size()).equals(leading) &&
                      (var.dim() == int64_t(leading.size()) || var.size(-1) == 1);
    ENSURE(fits, "gaussian_nll_loss: var must have input's shape ", shape,
           ", or that without or with 1 as its last extent, got ", var.sizes());
    if (var.dim() < input.dim()) v = var.unsqueeze(-1);
  }
  ENSURE(!v.lt(0).any().item<bool>(), "gaussian_nll_loss: var must not be negative");
  // Raised in value only: the gradient flows as if var itself were large enough.
  v = v.add(v.detach().clamp_min(eps).sub(v.detach()));
  Tensor loss = v.log().add(input.sub(target).square().div(v)).mul(0.5);
  if (full) loss = loss.add(0.5 * std::log(2 * M_PI));
  return reduce_loss(loss, reduction);
}

Tensor kl_div(const Tensor& input, const Tensor& target, Reduction reduction, bool log_target) {
  if (detail::is_autocast())
    return detail::autocast_call("kl_div", kl_div, input, target, reduction, log_target);
  const profiler::RecordOp recorded("kl_div", input, target);
  const Tensor loss = log_target ? target.exp().mul(target.sub(input))
                                 : xlogy(target, target).sub(target.mul(input));
  return reduce_loss(loss, reduction);
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                            Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("binary_cross_entropy", binary_cross_entropy, input, target,
                                 weight, reduction);
  const profiler::RecordOp recorded("binary_cross_entropy", input, target, weight);
  check_same_shape("binary_cross_entropy", input, target);
  const auto of_pair = [&](Reduction r) {
    return pair_loss("binary_cross_entropy", "BinaryCrossEntropyBackward", input, target, r,
                     {PairLoss::Bce});
  };
  if (!weight.defined()) return of_pair(reduction);
  return reduce_loss(of_pair(Reduction::None).mul(weight), reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const Tensor& weight, const Tensor& pos_weight,
                                        Reduction reduction) {
  if (detail::is_autocast())
    return detail::autocast_call("binary_cross_entropy_with_logits",
                                 binary_cross_entropy_with_logits, input, target, weight,
                                 pos_weight, reduction);
  const profiler::RecordOp recorded("binary_cross_entropy_with_logits", input, target, weight,
                                    pos_weight);
  check_same_shape("binary_cross_entropy_with_logits", input, target);
  if (!weight.defined() && !pos_weight.defined()) {
    return pair_loss("binary_cross_entropy_with_logits", "BinaryCrossEntropyWithLogitsBackward",
                     input, target, reduction, {PairLoss::BceWithLogits});
  }
  Tensor log_probability = log_sigmoid(input);
  if (pos_weight.defined())
    log_probability = log_probability.mul(pos_weight.sub(1).mul(target).add(1));
  Tensor loss = target.neg().add(1).mul(input).sub(log_probability);
  if (weight.defined()) loss = loss.mul(weight);
  return reduce_loss(loss, reduction);
}

}  // namespace fg
