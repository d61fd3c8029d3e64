#include "optim/clip_grad.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/node.h"
#include "optim/gradient_lists.h"
#include "tensor/factories.h"
#include "tensor/kernels/capture.h"
#include "tensor/kernels/optim.h"
#include "tensor/on_device.h"

namespace fg::optim {
namespace {

using detail::by_device;

std::vector<Tensor> gradients(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> grads;
  for (const Tensor& parameter : parameters)
    if (parameter.grad().defined()) grads.push_back(parameter.grad());
  return grads;
}

/// The 2-norm in one pass and one wait per device.
double euclidean_norm(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> rest;
  double sum = 0;
  for (const std::vector<Tensor>& list : by_device(tensors, rest))
    sum += ON_DEVICE(list[0], sum_of_squares, list).item<double>();
  for (const Tensor& tensor : rest) {
    const double norm = tensor.norm().item<double>();
    sum += norm * norm;
  }
  return std::sqrt(sum);
}

void scale(const std::vector<Tensor>& tensors, double factor) {
  std::vector<Tensor> rest;
  for (const std::vector<Tensor>& list : by_device(tensors, rest)) {
    std::vector<ParamUpdate<ScaleUpdate>> updates;
    for (const Tensor& tensor : list) updates.push_back({tensor, tensor, {}, 0, {factor}});
    ON_DEVICE(list[0], optim_step, updates);
    for (const Tensor& tensor : list) finish_inplace(tensor, nullptr);
  }
  for (const Tensor& tensor : rest) tensor.mul_(factor);
}

/// Clips to a 2-norm that the host does not learn.
void clip_in_capture(const std::vector<Tensor>& tensors, double max_norm) {
  std::vector<Tensor> rest;
  const auto lists = by_device(tensors, rest);
  ENSURE(
      lists.size() == 1 && rest.empty(),
      "clip_grad_norm_: while a CUDA graph is being captured, gradients must be dense and on one "
      "device");
  const std::vector<Tensor>& list = lists[0];
  const Tensor total = ON_DEVICE(list[0], sum_of_squares, list).sqrt();
  // As on the host, where a NaN goes on into the gradients, too.
  const Tensor factor = full_like(total, max_norm).div_(total.add(1e-6)).clamp_max_(1);
  const auto* const update = static_cast<const ScaleUpdate*>(factor.data_ptr());
  std::vector<ParamUpdate<ScaleUpdate>> updates;
  for (const Tensor& tensor : list) updates.push_back({tensor, tensor, {}, 0, {}, update});
  ON_DEVICE(list[0], optim_step, updates);
  for (const Tensor& tensor : list) finish_inplace(tensor, nullptr);
}

/// Whether a norm is to stay on the device, because a CUDA graph is being captured.
bool must_stay(const std::vector<Tensor>& tensors) {
  if constexpr (kHasCuda)
    return !tensors.empty() && tensors[0].is_cuda() &&
           cuda::is_in_capture(tensors[0].device().index());
  return false;
}

/// The p-norm of a few non-negative numbers; NaN if one is.
double norm_of(const std::vector<double>& values, double p) {
  double extreme = p < 0 ? std::numeric_limits<double>::infinity() : 0, sum = 0;
  for (const double value : values) {
    if (std::isnan(value)) return value;
    extreme = p > 0 ? std::max(extreme, value) : std::min(extreme, value);
    sum += p == 0 ? value != 0 : std::pow(value, p);
  }
  if (std::isinf(p)) return extreme;
  return p == 0 ? sum : std::pow(sum, 1 / p);
}

}  // namespace

double get_total_norm(const std::vector<Tensor>& tensors, double norm_type,
                      bool error_if_nonfinite) {
  NoGradGuard no_grad;
  if (tensors.empty()) return 0;
  double total;
  if (norm_type == 2) {
    total = euclidean_norm(tensors);
  } else {
    std::vector<double> norms;
    for (const Tensor& tensor : tensors) norms.push_back(tensor.norm(norm_type).item<double>());
    total = norm_of(norms, norm_type);
  }
  ENSURE(!error_if_nonfinite || std::isfinite(total), "get_total_norm: the total norm of order ",
         norm_type, " is non-finite (", total, "), so gradients cannot be clipped to it");
  return total;
}

double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  NoGradGuard no_grad;
  const std::vector<Tensor> grads = gradients(parameters);
  if (norm_type == 2 && !error_if_nonfinite && must_stay(grads)) {
    clip_in_capture(grads, max_norm);
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double total = get_total_norm(grads, norm_type, error_if_nonfinite);
  const double factor = max_norm / (total + 1e-6);
  if (factor >= 1) return total;  // a NaN goes on, into the gradients
  scale(grads, factor);
  return total;
}
double clip_grad_norm_(const Tensor& parameter, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  return clip_grad_norm_(std::vector<Tensor>{parameter}, max_norm, norm_type, error_if_nonfinite);
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  NoGradGuard no_grad;
  for (const Tensor& grad : gradients(parameters)) grad.clamp_(-clip_value, clip_value);
}
void clip_grad_value_(const Tensor& parameter, double clip_value) {
  clip_grad_value_(std::vector<Tensor>{parameter}, clip_value);
}

}  // namespace fg::optim
