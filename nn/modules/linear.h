// Linear maps and changes of shape.
#pragma once

#include "nn/functional/linear.h"
#include "nn/pimpl.h"

namespace fg::nn {

/// y = x weight^T + bias. Input [..., in_features], output [..., out_features]; weight [out, in], bias
/// [out], both uniform on +-1/sqrt(in) at first.
class LinearImpl : public Cloneable<LinearImpl> {
 public:
  LinearImpl(int64_t in_features, int64_t out_features)
      : LinearImpl(LinearOptions(in_features, out_features)) {}
  explicit LinearImpl(const LinearOptions& options) : options(options) { LinearImpl::reset(); }

  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input) { return functional::linear(input, weight, bias); }

  LinearOptions options;
  Tensor weight;
  Tensor bias;
};
using Linear = ModuleHolder<LinearImpl>;

/// y[k] = x1^T weight[k] x2 + bias[k]. Inputs [..., in1] and [..., in2], weight [out, in1, in2].
class BilinearImpl : public Cloneable<BilinearImpl> {
 public:
  BilinearImpl(int64_t in1_features, int64_t in2_features, int64_t out_features)
      : BilinearImpl(BilinearOptions(in1_features, in2_features, out_features)) {}
  explicit BilinearImpl(const BilinearOptions& options) : options(options) {
    BilinearImpl::reset();
  }

  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input1, const Tensor& input2) {
    return functional::bilinear(input1, input2, weight, bias);
  }

  BilinearOptions options;
  Tensor weight;
  Tensor bias;
};
using Bilinear = ModuleHolder<BilinearImpl>;

/// Returns its input.
class IdentityImpl : public Cloneable<IdentityImpl> {
 public:
  void reset() override {}
  void pretty_print(std::ostream& out) const override { out << "torch::nn::Identity()"; }
  Tensor forward(const Tensor& input) { return input; }
};
using Identity = ModuleHolder<IdentityImpl>;

/// Joins dims start_dim to end_dim, both included: by default all but the batch.
class FlattenImpl : public Cloneable<FlattenImpl> {
 public:
  explicit FlattenImpl(const FlattenOptions& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input) {
    return input.flatten(options.start_dim(), options.end_dim());
  }

  FlattenOptions options;
};
using Flatten = ModuleHolder<FlattenImpl>;

/// Splits one dim into several.
class UnflattenImpl : public Cloneable<UnflattenImpl> {
 public:
  UnflattenImpl(int64_t dim, std::vector<int64_t> sizes)
      : UnflattenImpl(UnflattenOptions(dim, std::move(sizes))) {}
  UnflattenImpl(std::string dimname, UnflattenOptions::namedshape_t namedshape)
      : UnflattenImpl(UnflattenOptions(std::move(dimname), std::move(namedshape))) {}
  explicit UnflattenImpl(const UnflattenOptions& options) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& out) const override;
  /// Throws for named dims.
  Tensor forward(const Tensor& input);

  UnflattenOptions options;
};
using Unflatten = ModuleHolder<UnflattenImpl>;

}  // namespace fg::nn
