// Activations as modules; nn/functional/activation.h has the formulas.
#pragma once

#include "nn/functional/activation.h"
#include "nn/modules/function_module.h"

namespace fg::nn {

void print_options(std::ostream& out, const InplaceOptions& options);
void print_options(std::ostream& out, const ELUOptions& options);
void print_options(std::ostream& out, const CELUOptions& options);
void print_options(std::ostream& out, const GLUOptions& options);
void print_options(std::ostream& out, const SoftplusOptions& options);
void print_options(std::ostream& out, const HardshrinkOptions& options);
void print_options(std::ostream& out, const SoftshrinkOptions& options);
void print_options(std::ostream& out, const HardtanhOptions& options);
void print_options(std::ostream& out, const LeakyReLUOptions& options);
void print_options(std::ostream& out, const ThresholdOptions& options);

class ReLUImpl : public FunctionModule<ReLUImpl, functional::relu> {
 public:
  using FunctionModule::FunctionModule;
};
using ReLU = ModuleHolder<ReLUImpl>;

class ReLU6Impl : public FunctionModule<ReLU6Impl, functional::relu6> {
 public:
  using FunctionModule::FunctionModule;
};
using ReLU6 = ModuleHolder<ReLU6Impl>;

class ELUImpl : public FunctionModule<ELUImpl, functional::elu> {
 public:
  using FunctionModule::FunctionModule;
};
using ELU = ModuleHolder<ELUImpl>;

class SELUImpl : public FunctionModule<SELUImpl, functional::selu> {
 public:
  using FunctionModule::FunctionModule;
};
using SELU = ModuleHolder<SELUImpl>;

class CELUImpl : public FunctionModule<CELUImpl, functional::celu> {
 public:
  using FunctionModule::FunctionModule;
};
using CELU = ModuleHolder<CELUImpl>;

class GELUImpl : public FunctionModule<GELUImpl, functional::gelu> {
 public:
  using FunctionModule::FunctionModule;
};
using GELU = ModuleHolder<GELUImpl>;

class SiLUImpl : public FunctionModule<SiLUImpl, functional::silu> {
 public:
  using FunctionModule::FunctionModule;
};
using SiLU = ModuleHolder<SiLUImpl>;

class MishImpl : public FunctionModule<MishImpl, functional::mish> {
 public:
  using FunctionModule::FunctionModule;
};
using Mish = ModuleHolder<MishImpl>;

class GLUImpl : public FunctionModule<GLUImpl, functional::glu> {
 public:
  using FunctionModule::FunctionModule;
};
using GLU = ModuleHolder<GLUImpl>;

class SigmoidImpl : public FunctionModule<SigmoidImpl, functional::sigmoid> {
 public:
  using FunctionModule::FunctionModule;
};
using Sigmoid = ModuleHolder<SigmoidImpl>;

class TanhImpl : public FunctionModule<TanhImpl, functional::tanh> {
 public:
  using FunctionModule::FunctionModule;
};
using Tanh = ModuleHolder<TanhImpl>;

class LogSigmoidImpl : public FunctionModule<LogSigmoidImpl, functional::logsigmoid> {
 public:
  using FunctionModule::FunctionModule;
};
using LogSigmoid = ModuleHolder<LogSigmoidImpl>;

class SoftplusImpl : public FunctionModule<SoftplusImpl, functional::softplus> {
 public:
  using FunctionModule::FunctionModule;
};
using Softplus = ModuleHolder<SoftplusImpl>;

class SoftsignImpl : public FunctionModule<SoftsignImpl, functional::softsign> {
 public:
  using FunctionModule::FunctionModule;
};
using Softsign = ModuleHolder<SoftsignImpl>;

class TanhshrinkImpl : public FunctionModule<TanhshrinkImpl, functional::tanhshrink> {
 public:
  using FunctionModule::FunctionModule;
};
using Tanhshrink = ModuleHolder<TanhshrinkImpl>;

class HardshrinkImpl : public FunctionModule<HardshrinkImpl, functional::hardshrink> {
 public:
  using FunctionModule::FunctionModule;
};
using Hardshrink = ModuleHolder<HardshrinkImpl>;

class SoftshrinkImpl : public FunctionModule<SoftshrinkImpl, functional::softshrink> {
 public:
  using FunctionModule::FunctionModule;
};
using Softshrink = ModuleHolder<SoftshrinkImpl>;

class HardtanhImpl : public FunctionModule<HardtanhImpl, functional::hardtanh> {
 public:
  using FunctionModule::FunctionModule;
};
using Hardtanh = ModuleHolder<HardtanhImpl>;

class HardswishImpl : public FunctionModule<HardswishImpl, functional::hardswish> {
 public:
  using FunctionModule::FunctionModule;
};
using Hardswish = ModuleHolder<HardswishImpl>;

class HardsigmoidImpl : public FunctionModule<HardsigmoidImpl, functional::hardsigmoid> {
 public:
  using FunctionModule::FunctionModule;
};
using Hardsigmoid = ModuleHolder<HardsigmoidImpl>;

class LeakyReLUImpl : public FunctionModule<LeakyReLUImpl, functional::leaky_relu> {
 public:
  using FunctionModule::FunctionModule;
};
using LeakyReLU = ModuleHolder<LeakyReLUImpl>;

class ThresholdImpl : public FunctionModule<ThresholdImpl, functional::threshold> {
 public:
  using FunctionModule::FunctionModule;
};
using Threshold = ModuleHolder<ThresholdImpl>;

/// leaky_relu with a learned slope, or one per channel (dim 1).
class PReLUImpl : public Cloneable<PReLUImpl> {
 public:
  explicit PReLUImpl(const PReLUOptions& options = {}) : options(options) { PReLUImpl::reset(); }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input) { return functional::prelu(input, weight); }

  PReLUOptions options;
  Tensor weight;
};
using PReLU = ModuleHolder<PReLUImpl>;

/// Random slopes in training, their mean otherwise.
class RReLUImpl : public Cloneable<RReLUImpl> {
 public:
  explicit RReLUImpl(const RReLUOptions& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input);

  RReLUOptions options;
};
using RReLU = ModuleHolder<RReLUImpl>;

namespace detail {
/// Softmax and its relatives: functions of the input and a dim.
template <class Derived, class ModuleOptions, auto Function>
class SoftmaxModule : public Cloneable<Derived> {
 public:
  explicit SoftmaxModule(int64_t dim) : options(dim) {}
  explicit SoftmaxModule(const ModuleOptions& options) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& out) const override {
    out << printed_name<Derived>() << "(dim=" << options.dim() << ')';
  }
  Tensor forward(const Tensor& input) { return Function(input, options.dim()); }

  ModuleOptions options;
};
}  // namespace detail

class SoftmaxImpl : public detail::SoftmaxModule<SoftmaxImpl, SoftmaxOptions, functional::softmax> {
 public:
  using SoftmaxModule::SoftmaxModule;
};
using Softmax = ModuleHolder<SoftmaxImpl>;

class SoftminImpl : public detail::SoftmaxModule<SoftminImpl, SoftminOptions, functional::softmin> {
 public:
  using SoftmaxModule::SoftmaxModule;
};
using Softmin = ModuleHolder<SoftminImpl>;

class LogSoftmaxImpl
    : public detail::SoftmaxModule<LogSoftmaxImpl, LogSoftmaxOptions, functional::log_softmax> {
 public:
  using SoftmaxModule::SoftmaxModule;
};
using LogSoftmax = ModuleHolder<LogSoftmaxImpl>;

/// Softmax over the channels of [N, C, H, W] or [C, H, W].
class Softmax2dImpl : public Cloneable<Softmax2dImpl> {
 public:
  void reset() override {}
  void pretty_print(std::ostream& out) const override { out << "torch::nn::Softmax2d()"; }
  Tensor forward(const Tensor& input);
};
using Softmax2d = ModuleHolder<Softmax2dImpl>;

}  // namespace fg::nn
