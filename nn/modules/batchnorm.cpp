#include "nn/modules/batchnorm.h"

#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {
namespace {

template <class Options>
void print_momentum(std::ostream& out, const Options& options) {
  const optional<double> momentum = options.momentum();
  if (momentum)
    out << *momentum;
  else
    out << "None";
}

}  // namespace

template <class Derived, class ModuleOptions>
void NormImplBase<Derived, ModuleOptions>::reset() {
  const int64_t count = options.num_features();
  weight = this->register_parameter("weight", options.affine() ? empty({count}) : Tensor());
  bias = this->register_parameter("bias", options.affine() ? empty({count}) : Tensor());
  const bool tracks = options.track_running_stats();
  running_mean = this->register_buffer("running_mean", tracks ? zeros({count}) : Tensor());
  running_var = this->register_buffer("running_var", tracks ? ones({count}) : Tensor());
  num_batches_tracked =
      this->register_buffer("num_batches_tracked", tracks ? zeros({}, kLong) : Tensor());
  reset_parameters();
}

template <class Derived, class ModuleOptions>
void NormImplBase<Derived, ModuleOptions>::reset_running_stats() {
  if (!options.track_running_stats()) return;
  init::zeros_(running_mean);
  init::ones_(running_var);
  init::zeros_(num_batches_tracked);
}

template <class Derived, class ModuleOptions>
void NormImplBase<Derived, ModuleOptions>::reset_parameters() {
  reset_running_stats();
  if (!options.affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}

template <class Derived, class ModuleOptions>
void NormImplBase<Derived, ModuleOptions>::pretty_print(std::ostream& out) const {
  out << detail::printed_name<Derived>() << '(' << options.num_features()
      << ", eps=" << options.eps() << ", momentum=";
  print_momentum(out, options);
  out << ", affine=" << detail::bool_text(options.affine())
      << ", track_running_stats=" << detail::bool_text(options.track_running_stats()) << ')';
}

template <size_t D, class Derived>
Tensor BatchNormImplBase<D, Derived>::forward(const Tensor& input) {
  if constexpr (D == 1) {
    ENSURE(input.dim() == 2 || input.dim() == 3, "Expected 2D or 3D input, but got ", input.dim(),
           "D input");
  } else {
    ENSURE(input.dim() == D + 2, "Expected ", D + 2, "D input, but got ", input.dim(), "D input");
  }
  double momentum = this->options.momentum().value_or(0);
  if (this->is_training() && this->num_batches_tracked.defined()) {
    this->num_batches_tracked.add_(1);
    if (!this->options.momentum()) momentum = 1 / this->num_batches_tracked.template item<double>();
  }
  return functional::batch_norm(input, this->running_mean, this->running_var,
                                functional::BatchNormFuncOptions()
                                    .weight(this->weight)
                                    .bias(this->bias)
                                    .training(this->is_training() || !this->running_mean.defined())
                                    .momentum(momentum)
                                    .eps(this->options.eps()));
}

template <size_t D, class Derived>
Tensor InstanceNormImplBase<D, Derived>::forward(const Tensor& input) {
  ENSURE(input.dim() == D + 1 || input.dim() == D + 2, "Expected ", D + 1, "D or ", D + 2,
         "D input, but got ", input.dim(), "D input");
  const bool batched = input.dim() == D + 2;
  const Tensor result = functional::instance_norm(
      batched ? input : input.unsqueeze(0),
      functional::InstanceNormFuncOptions()
          .running_mean(this->running_mean)
          .running_var(this->running_var)
          .weight(this->weight)
          .bias(this->bias)
          .use_input_stats(this->is_training() || !this->options.track_running_stats())
          .momentum(this->options.momentum())
          .eps(this->options.eps()));
  return batched ? result : result.squeeze(0);
}

template class NormImplBase<BatchNorm1dImpl, BatchNormOptions>;
template class BatchNormImplBase<1, BatchNorm1dImpl>;
template class NormImplBase<BatchNorm2dImpl, BatchNormOptions>;
template class BatchNormImplBase<2, BatchNorm2dImpl>;
template class NormImplBase<BatchNorm3dImpl, BatchNormOptions>;
template class BatchNormImplBase<3, BatchNorm3dImpl>;
template class NormImplBase<InstanceNorm1dImpl, InstanceNormOptions>;
template class InstanceNormImplBase<1, InstanceNorm1dImpl>;
template class NormImplBase<InstanceNorm2dImpl, InstanceNormOptions>;
template class InstanceNormImplBase<2, InstanceNorm2dImpl>;
template class NormImplBase<InstanceNorm3dImpl, InstanceNormOptions>;
template class InstanceNormImplBase<3, InstanceNorm3dImpl>;

}  // namespace fg::nn
