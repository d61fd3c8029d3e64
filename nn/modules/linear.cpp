#include "nn/modules/linear.h"

#include <cmath>

#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {
void LinearImpl::reset() {
  weight = register_parameter("weight", empty({options.out_features(), options.in_features()}));
  bias = register_parameter("bias", options.bias() ? empty({options.out_features()}) : Tensor());
  reset_parameters();
}

void LinearImpl::reset_parameters() {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (bias.defined()) init::default_bias_(bias, weight);
}

void LinearImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::Linear(in_features=" << options.in_features()
      << ", out_features=" << options.out_features()
      << ", bias=" << detail::bool_text(options.bias()) << ')';
}

void BilinearImpl::reset() {
  weight = register_parameter(
      "weight", empty({options.out_features(), options.in1_features(), options.in2_features()}));
  bias = register_parameter("bias", options.bias() ? empty({options.out_features()}) : Tensor());
  reset_parameters();
}

void BilinearImpl::reset_parameters() {
  const double bound = 1 / std::sqrt(double(weight.size(1)));
  init::uniform_(weight, -bound, bound);
  if (bias.defined()) init::uniform_(bias, -bound, bound);
}

void BilinearImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::Bilinear(in1_features=" << options.in1_features()
      << ", in2_features=" << options.in2_features() << ", out_features=" << options.out_features()
      << ", bias=" << detail::bool_text(options.bias()) << ')';
}

void FlattenImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::Flatten(start_dim=" << options.start_dim() << ", end_dim=" << options.end_dim()
      << ')';
}

Tensor UnflattenImpl::forward(const Tensor& input) {
  ENSURE(options.namedshape().empty(), "unflatten: dim must be a number, got the name '",
         options.dimname(), "' (tensors have no named dims)");
  return input.unflatten(options.dim(), options.sizes());
}

void UnflattenImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::Unflatten(dim=";
  const auto& named = options.namedshape();
  if (named.empty()) {
    out << options.dim() << ", unflattened_size={";
    for (size_t i = 0; i < options.sizes().size(); ++i) {
      out << (i ? ", " : "") << options.sizes()[i];
    }
  } else {
    out << '"' << options.dimname() << "\", unflattened_size={";
    for (size_t i = 0; i < named.size(); ++i) {
      out << (i ? ", " : "") << "{\"" << named[i].first << "\", " << named[i].second << '}';
    }
  }
  out << "})";
}

}  // namespace fg::nn
