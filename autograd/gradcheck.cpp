#include "autograd/gradcheck.h"

#include <cmath>

#include "autograd/ops/elementwise.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tensor/shape.h"

namespace fg::autograd {
namespace {

variable_list checked_outputs(const variable_list& outputs) {
  variable_list result;
  for (const Tensor& t : outputs)
    if (t.defined() && t.is_floating_point()) result.push_back(t);
  ENSURE(!result.empty(), "gradcheck: function must return a floating tensor");
  return result;
}

// The function's floating outputs at the current values, without history.
variable_list evaluate(const CheckedFunction& function, const variable_list& inputs) {
  variable_list result;
  for (const Tensor& t : checked_outputs(function(inputs))) result.push_back(t.detach().clone());
  return result;
}

DimVector multi_index(int64_t flat, IntArrayRef sizes) {
  DimVector index(sizes.size());
  for (size_t d = sizes.size(); d-- > 0; flat /= sizes[d]) index[d] = flat % sizes[d];
  return index;
}

// Element `flat` in row-major order, as a view without dims.
Tensor element(const Tensor& t, int64_t flat) {
  const DimVector index = multi_index(flat, t.sizes());
  int64_t offset = t.storage_offset();
  for (size_t d = 0; d < index.size(); ++d) offset += index[d] * t.strides()[d];
  return t.data().as_strided({}, {}, offset);
}

// One matrix per output: d output / d input, shape (input elements, output elements).
std::vector<Tensor> numerical(const CheckedFunction& function, const variable_list& inputs,
                              const Tensor& input, double eps) {
  std::vector<Tensor> jacobian;
  for (int64_t i = 0; i < input.numel(); ++i) {
    const Tensor x = element(input, i);
    const double original = x.item<double>();
    x.fill_(original + eps);
    const variable_list above = evaluate(function, inputs);
    x.fill_(original - eps);
    const variable_list below = evaluate(function, inputs);
    x.fill_(original);
    NoGradGuard guard;
    for (size_t k = 0; k < above.size(); ++k) {
      if (i == 0) jacobian.push_back(zeros({input.numel(), above[k].numel()}, kDouble));
      jacobian[k].select(0, i).copy_((above[k].to(kDouble) - below[k].to(kDouble)).reshape({-1}) /
                                     (2 * eps));
    }
  }
  return jacobian;
}

// d output / d input for every checked input, one backward pass per output element.
std::vector<Tensor> analytical(const Tensor& output, const variable_list& checked) {
  std::vector<Tensor> jacobian;
  for (const Tensor& x : checked) jacobian.push_back(zeros({x.numel(), output.numel()}, kDouble));
  if (!output.requires_grad()) return jacobian;
  for (int64_t j = 0; j < output.numel(); ++j) {
    const Tensor seed = zeros(output.sizes(), output.options());
    seed.reshape({-1}).select(0, j).fill_(1);
    const variable_list grads = grad({output}, checked, {seed}, true, false, true);
    NoGradGuard guard;
    for (size_t i = 0; i < checked.size(); ++i)
      if (grads[i].defined()) jacobian[i].select(1, j).copy_(grads[i].to(kDouble).reshape({-1}));
  }
  return jacobian;
}

void compare(const Tensor& analytic, const Tensor& numeric, size_t output, size_t input,
             IntArrayRef output_sizes, IntArrayRef input_sizes, const GradcheckOptions& options) {
  const double* const a = analytic.data_ptr<double>();
  const double* const n = numeric.data_ptr<double>();
  int64_t worst = -1;
  double worst_excess = 0;
  for (int64_t i = 0; i < analytic.numel(); ++i) {
    const double excess = std::fabs(a[i] - n[i]) - (options.atol + options.rtol * std::fabs(n[i]));
    const bool same = a[i] == n[i] || (std::isnan(a[i]) && std::isnan(n[i]));
    if (same || excess <= worst_excess) continue;  // a NaN excess compares false and is kept
    worst = i;
    worst_excess = std::isnan(excess) ? INFINITY : excess;
  }
  if (worst < 0) return;
  const int64_t columns = analytic.size(1);
  throw Error(str("gradcheck: gradient of output ", output, " at ",
                  multi_index(worst % columns, output_sizes), " with respect to input ", input,
                  " at ", multi_index(worst / columns, input_sizes), " must be ", n[worst],
                  " (numerical), got ", a[worst], " (analytical)"));
}

}  // namespace

bool gradcheck(const CheckedFunction& function, const variable_list& inputs,
               const GradcheckOptions& options) {
  EnableGradGuard enable;
  variable_list checked;
  std::vector<size_t> positions;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || !inputs[i].requires_grad()) continue;
    ENSURE(inputs[i].dtype() == kDouble, "gradcheck: input ", i, " must be Double, got ",
           inputs[i].dtype());
    ENSURE(!has_internal_overlap(inputs[i]), "gradcheck: input ", i,
           " must not have two elements at one address");
    checked.push_back(inputs[i]);
    positions.push_back(i);
  }
  ENSURE(!checked.empty(), "gradcheck: at least one input must require grad");
  const variable_list outputs = checked_outputs(function(inputs));
  std::vector<std::vector<Tensor>> analytic;
  for (const Tensor& output : outputs) {
    analytic.push_back(analytical(output, checked));
    const std::vector<Tensor> again = analytical(output, checked);
    for (size_t i = 0; i < checked.size(); ++i) {
      if (checked[i].numel() == 0 || output.numel() == 0) continue;
      const double difference = (analytic.back()[i] - again[i]).abs().max().item<double>();
      ENSURE(!(difference > options.nondet_tol), "gradcheck: two backward passes of output ",
             analytic.size() - 1, " differ by ", difference, " for input ", positions[i]);
    }
  }
  for (size_t i = 0; i < checked.size(); ++i) {
    const std::vector<Tensor> numeric = numerical(function, inputs, checked[i], options.eps);
    for (size_t k = 0; k < numeric.size(); ++k)
      compare(analytic[k][i], numeric[k], k, positions[i], outputs[k].sizes(), checked[i].sizes(),
              options);
  }
  return true;
}

bool gradgradcheck(const CheckedFunction& function, const variable_list& inputs,
                   const variable_list& grad_outputs, const GradcheckOptions& options) {
  EnableGradGuard enable;
  variable_list seeds = grad_outputs;
  if (seeds.empty()) {
    for (const Tensor& output : checked_outputs(function(inputs))) {
      // Away from zero, so that no derivative is hidden by a small weight.
      Tensor seed = (rand(output.sizes(), TensorOptions(kDouble)) + 0.5).to(output.device());
      seeds.push_back(seed.to(output.dtype()).requires_grad_(true));
    }
  }
  variable_list all = inputs;
  all.insert(all.end(), seeds.begin(), seeds.end());
  const size_t count = inputs.size();
  const CheckedFunction gradient = [&function, count](const variable_list& values) {
    const variable_list xs(values.begin(), values.begin() + int64_t(count));
    const variable_list gs(values.begin() + int64_t(count), values.end());
    variable_list wanted, roots, weights;
    for (const Tensor& x : xs)
      if (x.defined() && x.requires_grad()) wanted.push_back(x);
    const variable_list outputs = checked_outputs(function(xs));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].requires_grad()) continue;
      roots.push_back(outputs[i]);
      weights.push_back(gs[i]);
    }
    variable_list grads = grad(roots, wanted, weights, true, true, true);
    for (size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined()) grads[i] = zeros(wanted[i].sizes(), wanted[i].options());
    return grads;
  };
  return gradcheck(gradient, all, options);
}

}  // namespace fg::autograd
