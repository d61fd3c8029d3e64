#include "nn/modules/activation.h"

#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {

void PReLUImpl::reset() {
  weight = register_parameter("weight", empty({options.num_parameters()}));
  reset_parameters();
}

void PReLUImpl::reset_parameters() { init::constant_(weight, options.init()); }

void PReLUImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::PReLU(num_parameters=" << options.num_parameters() << ')';
}

Tensor RReLUImpl::forward(const Tensor& input) {
  return functional::rrelu(input, functional::RReLUFuncOptions()
                                      .lower(options.lower())
                                      .upper(options.upper())
                                      .training(is_training())
                                      .inplace(options.inplace()));
}

Tensor Softmax2dImpl::forward(const Tensor& input) {
  ENSURE(input.dim() == 4 || input.dim() == 3,
         "Softmax2d requires a 3D or 4D tensor as input, got ", input.sizes());
  return functional::softmax(input, -3);
}

}  // namespace fg::nn
