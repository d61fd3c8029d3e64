// nll_loss and cross_entropy.
#include "autograd/autocast_call.h"
#include "autograd/composed.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/softmax.h"
#include "tensor/factories.h"
#include "tensor/kernels/loss.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

/// How per-row losses become the result, and the result's gradient the rows'.
struct RowReduction {
  Reduction kind = Reduction::Mean;
  Tensor total_weight;  // what Mean divides by

  Tensor apply(const Tensor& rows) const {
    if (kind == Reduction::None) return rows;
    return kind == Reduction::Sum ? rows.sum() : rows.sum().div(total_weight);
  }
  Tensor row_gradients(const Tensor& g, int64_t rows) const {
    if (kind == Reduction::None) return g.reshape({rows});
    return (kind == Reduction::Sum ? g : g.div(total_weight)).expand({rows});
  }
};

struct NllLossBackward : Node {
  Saved x{this}, target{this}, row_weight{this};
  int64_t ignore_index = 0;
  RowReduction reduction;

  std::string name() const override { return "NllLossBackward"; }
  void release_extra() override { reduction.total_weight.reset(); }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor x = this->x.unpack(), target = this->target.unpack();
    const Tensor row_weight = this->row_weight.unpack();
    const Tensor g = reduction.row_gradients(grads[0].to(compute_type(x.dtype())), target.numel());
    if (GradMode::is_enabled()) {
      const Tensor index = target.masked_fill(target.eq(ignore_index), 0).unsqueeze(1);
      const auto forward = [&](const std::vector<Tensor>& inputs) {
        return inputs[0].gather(1, index).squeeze(1).mul(row_weight.neg());
      };
      return differentiate(*this, forward, {x}, g);
    }
    const Tensor grad_x = empty(x.sizes(), x.options());
    ON_DEVICE(x, nll_backward, grad_x, g.contiguous(), row_weight, target, ignore_index);
    return {grad_x};
  }
};

struct CrossEntropyBackward : Node {
  Saved x{this}, target{this}, statistics{this};
  int64_t ignore_index = 0;
  RowReduction reduction;

  std::string name() const override { return "CrossEntropyBackward"; }
  void release_extra() override { reduction.total_weight.reset(); }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor x = this->x.unpack(), target = this->target.unpack();
    if (GradMode::is_enabled()) {
      const Tensor wide = grads[0].to(compute_type(x.dtype()));
      const Tensor g = reduction.row_gradients(wide, target.numel());
      const auto forward = [&](const std::vector<Tensor>& inputs) {
        const Tensor log_probability = log_softmax(inputs[0], 1, compute_type(x.dtype()));
        return nll_loss(log_probability, target, {}, Reduction::None, ignore_index);
      };
      return differentiate(*this, forward, {x}, g);
    }
    const Tensor grad_x = empty(x.sizes(), x.options());
    ON_DEVICE(x, cross_entropy_backward, grad_x, grads[0].contiguous(), x.contiguous(), target,
              statistics.unpack(), reduction.total_weight, ignore_index);
    return {grad_x};
  }
};

int64_t class_dim(const Tensor& input) { return input.dim() == 1 ? 0 : 1; }

void check_classes(const char* op, const Tensor& input, const Tensor& target,
                   const Tensor& weight) {
  ENSURE(input.is_floating_point(), op, ": input must be floating, got ", input.dtype());
  ENSURE(input.dim() >= 1, op, ": input must have shape [C], [N, C] or [N, C, ...], got []");
  ENSURE(target.dtype() == kLong, op, ": target must be Long, got ", target.dtype());
  DimVector expected(input.sizes().begin(), input.sizes().end());
  expected.erase(size_t(class_dim(input)));
  ENSURE(target.sizes().equals(expected), op, ": target must have shape ", expected,
         " (input's without the classes), got ", target.sizes());
  const int64_t classes = input.size(class_dim(input));
  ENSURE(!weight.defined() || weight.sizes().equals(classes), op, ": weight must have shape [",
         classes, "] (classes), got ", weight.sizes());
}

/// [N, C, d1, ...] as [N * d1 * ..., C], on the tape.
Tensor class_rows(const Tensor& input) {
  if (input.dim() == 2) return input;
  const Tensor last = input.dim() > 2 ? input.movedim(1, -1) : input;
  return last.reshape({numel_of(last.sizes().slice(0, size_t(last.dim() - 1))), last.size(-1)});
}

/// The fused form: class numbers, no weights, no smoothing.
Tensor cross_entropy_rows(const Tensor& input, const Tensor& target, Reduction reduction,
                          int64_t ignore_index) {
  if (ComposedGuard::is_active())
    return nll_loss(log_softmax(input, class_dim(input)), target, {}, reduction, ignore_index);
  const Tensor x = class_rows(input), flat = target.reshape({-1}).contiguous();
  auto node = make_node<CrossEntropyBackward>(x);
  const TensorOptions wide = x.options().dtype(compute_type(x.dtype()));
  const bool each = reduction == Reduction::None;
  RowReduction reducer{reduction, {}};
  if (reduction == Reduction::Mean) reducer.total_weight = empty({}, wide);
  Tensor y = each ? empty(target.sizes(), wide) : empty({}, x.options());
  const Tensor statistics = node ? empty({x.size(0), 2}, wide) : Tensor();
  ON_DEVICE(x, cross_entropy_forward, each ? Tensor() : y, reducer.total_weight,
            each ? y : Tensor(), statistics, x.contiguous(), flat, ignore_index);
  if (each) y = y.to(x.dtype());
  if (node) {
    node->x.save(x);
    node->target.save(flat);
    node->statistics.save(statistics);
    node->ignore_index = ignore_index, node->reduction = reducer;
    node->attach(y);
  }
  return y;
}

Tensor smoothed_cross_entropy(const Tensor& log_probability, const Tensor& target,
                              const Tensor& weight, Reduction reduction, int64_t ignore_index,
                              double label_smoothing) {
  const Tensor nll = nll_loss(log_probability, target, weight, reduction, ignore_index);
  if (label_smoothing == 0) return nll;
  const Tensor ignored = target.eq(ignore_index);
  Tensor rows = class_rows(log_probability).neg();
  Tensor row_weight = ignored.logical_not().to(rows.dtype());
  if (weight.defined()) {
    rows = rows.mul(weight);
    const Tensor index = target.masked_fill(ignored, 0).reshape({-1});
    row_weight = row_weight.mul(weight.index_select(0, index).reshape(target.sizes()));
  }
  Tensor smooth = rows.sum(1).reshape(target.sizes()).masked_fill(ignored, 0);
  // Divided like nll_loss, by the weights of the targets.
  if (reduction != Reduction::None) smooth = smooth.sum();
  if (reduction == Reduction::Mean) smooth = smooth.div(row_weight.sum());
  return nll.mul(1 - label_smoothing).add(smooth, label_smoothing / double(rows.size(1)));
}

Tensor probability_cross_entropy(const Tensor& input, Tensor target, const Tensor& weight,
                                 Reduction reduction, double label_smoothing) {
  const int64_t dim = class_dim(input), classes = input.size(dim);
  if (label_smoothing > 0)
    target = target.mul(1 - label_smoothing).add(label_smoothing / double(classes));
  Tensor terms = log_softmax(input, dim).mul(target);
  if (weight.defined()) {
    DimVector shape(size_t(input.dim()), 1);
    shape[size_t(dim)] = classes;
    terms = terms.mul(weight.reshape(shape));
  }
  const Tensor loss = terms.sum(dim).neg();
  // Mean over samples and positions, whatever the weights: as in PyTorch.
  return reduce_loss(loss, reduction);
}

}  // namespace

Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                Reduction reduction, int64_t ignore_index) {
  if (detail::is_autocast())
    return detail::autocast_call("nll_loss", nll_loss, input, target, weight, reduction,
                                 ignore_index);
  const profiler::RecordOp recorded("nll_loss", input, target, weight);
  check_classes("nll_loss", input, target, weight);
  if (kernel_type(input) != input.dtype()) {
    const Tensor wide_weight = weight.defined() ? weight.to(kFloat) : weight;
    return nll_loss(input.to(kFloat), target, wide_weight, reduction, ignore_index)
        .to(input.dtype());
  }
  const Tensor x = class_rows(input), flat = target.reshape({-1}).contiguous();
  const TensorOptions wide = x.options().dtype(compute_type(x.dtype()));
  const Tensor w = weight.defined() ? weight.detach().to(wide.dtype()).contiguous() : weight;
  auto node = make_node<NllLossBackward>(x);
  const Tensor rows = empty(target.sizes(), wide), row_weight = empty({x.size(0)}, wide);
  ON_DEVICE(x, nll_forward, rows, row_weight, x.contiguous(), flat, w, ignore_index);
  RowReduction reducer{reduction, {}};
  if (reduction == Reduction::Mean) reducer.total_weight = row_weight.sum();
  const Tensor y = reducer.apply(rows).to(x.dtype());
  if (node) {
    node->x.save(x);
    node->target.save(flat);
    node->row_weight.save(row_weight);
    node->ignore_index = ignore_index, node->reduction = reducer;
    node->attach(y);
  }
  return y;
}

Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                     Reduction reduction, int64_t ignore_index, double label_smoothing) {
  if (detail::is_autocast())
    return detail::autocast_call("cross_entropy", cross_entropy, input, target, weight, reduction,
                                 ignore_index, label_smoothing);
  const profiler::RecordOp recorded("cross_entropy", input, target, weight);
  const char* op = "cross_entropy";
  ENSURE(label_smoothing >= 0 && label_smoothing <= 1, op,
         ": label_smoothing must be in [0, 1], got ", label_smoothing);
  // Only the fused form takes 16-bit types as they are.
  const bool fused = !weight.defined() && label_smoothing == 0 && !target.is_floating_point();
  if (is_reduced_floating(input.dtype()) && !(fused && kernel_type(input) == input.dtype())) {
    const Tensor wide_weight = weight.defined() ? weight.to(kFloat) : weight;
    const Tensor wide_target = target.is_floating_point() ? target.to(kFloat) : target;
    return cross_entropy(input.to(kFloat), wide_target, wide_weight, reduction, ignore_index,
                         label_smoothing)
        .to(input.dtype());
  }
  if (target.is_floating_point() && target.sizes().equals(input.sizes())) {
    ENSURE(input.is_floating_point() && input.dim() >= 1, op,
           ": input must be floating with shape [C], [N, C] or [N, C, ...], got ", input.dtype(),
           " ", input.sizes());
    return probability_cross_entropy(input, target, weight, reduction, label_smoothing);
  }
  check_classes(op, input, target, weight);
  if (!weight.defined() && label_smoothing == 0)
    return cross_entropy_rows(input, target, reduction, ignore_index);
  return smoothed_cross_entropy(log_softmax(input, class_dim(input)), target, weight, reduction,
                                ignore_index, label_smoothing);
}

}  // namespace fg
