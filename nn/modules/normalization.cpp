#include "nn/modules/normalization.h"

#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {
void LayerNormImpl::reset() {
  const auto& shape = options.normalized_shape();
  const bool affine = options.elementwise_affine();
  weight = register_parameter("weight", affine ? fg::empty(shape) : Tensor());
  bias = register_parameter("bias", affine && options.bias() ? fg::empty(shape) : Tensor());
  reset_parameters();
}

void LayerNormImpl::reset_parameters() {
  if (weight.defined()) init::ones_(weight);
  if (bias.defined()) init::zeros_(bias);
}

void LayerNormImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::LayerNorm(" << IntArrayRef(options.normalized_shape())
      << ", eps=" << options.eps()
      << ", elementwise_affine=" << detail::bool_text(options.elementwise_affine()) << ')';
}

Tensor LayerNormImpl::forward(const Tensor& input) {
  return functional::layer_norm(input, functional::LayerNormFuncOptions(options.normalized_shape())
                                           .weight(weight)
                                           .bias(bias)
                                           .eps(options.eps()));
}

void RMSNormImpl::reset() {
  weight = register_parameter(
      "weight", options.elementwise_affine() ? fg::empty(options.normalized_shape()) : Tensor());
  reset_parameters();
}

void RMSNormImpl::reset_parameters() {
  if (weight.defined()) init::ones_(weight);
}

void RMSNormImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::RMSNorm(" << IntArrayRef(options.normalized_shape()) << ", eps=";
  if (options.eps())
    out << *options.eps();
  else
    out << "None";
  out << ", elementwise_affine=" << detail::bool_text(options.elementwise_affine()) << ')';
}

Tensor RMSNormImpl::forward(const Tensor& input) {
  return functional::rms_norm(
      input,
      functional::RMSNormFuncOptions(options.normalized_shape()).weight(weight).eps(options.eps()));
}

void GroupNormImpl::reset() {
  const DimVector shape{options.num_channels()};
  weight = register_parameter("weight", options.affine() ? fg::empty(shape) : Tensor());
  bias = register_parameter("bias", options.affine() ? fg::empty(shape) : Tensor());
  reset_parameters();
}

void GroupNormImpl::reset_parameters() {
  if (!options.affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}

void GroupNormImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::GroupNorm(" << options.num_groups() << ", " << options.num_channels()
      << ", eps=" << options.eps() << ", affine=" << detail::bool_text(options.affine()) << ')';
}

Tensor GroupNormImpl::forward(const Tensor& input) {
  return functional::group_norm(input, functional::GroupNormFuncOptions(options.num_groups())
                                           .weight(weight)
                                           .bias(bias)
                                           .eps(options.eps()));
}

void print_options(std::ostream& out, const LocalResponseNormOptions& options) {
  out << '(' << options.size() << ", alpha=" << options.alpha() << ", beta=" << options.beta()
      << ", k=" << options.k() << ')';
}

Tensor CrossMapLRN2dImpl::forward(const Tensor& input) {
  return functional::local_response_norm(input, LocalResponseNormOptions(options.size())
                                                    .alpha(options.alpha())
                                                    .beta(options.beta())
                                                    .k(double(options.k())));
}

void CrossMapLRN2dImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::CrossMapLRN2d(" << options.size() << ", alpha=" << options.alpha()
      << ", beta=" << options.beta() << ", k=" << options.k() << ')';
}

}  // namespace fg::nn
