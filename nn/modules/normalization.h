// Normalisation over trailing dims, groups of channels and neighbouring channels.
#pragma once

#include "nn/functional/normalization.h"
#include "nn/modules/function_module.h"

namespace fg::nn {

/// (x - mean) / sqrt(var + eps) * weight + bias over the trailing dims `normalized_shape`, the shape of
/// weight (ones at first) and bias (zeros).
class LayerNormImpl : public Cloneable<LayerNormImpl> {
 public:
  explicit LayerNormImpl(std::vector<int64_t> normalized_shape)
      : LayerNormImpl(LayerNormOptions(std::move(normalized_shape))) {}
  explicit LayerNormImpl(const LayerNormOptions& options) : options(options) {
    LayerNormImpl::reset();
  }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input);

  LayerNormOptions options;
  Tensor weight;
  Tensor bias;
};
using LayerNorm = ModuleHolder<LayerNormImpl>;

/// x / sqrt(mean(x^2) + eps) * weight over the trailing dims `normalized_shape`.
class RMSNormImpl : public Cloneable<RMSNormImpl> {
 public:
  explicit RMSNormImpl(std::vector<int64_t> normalized_shape)
      : RMSNormImpl(RMSNormOptions(std::move(normalized_shape))) {}
  explicit RMSNormImpl(const RMSNormOptions& options) : options(options) { RMSNormImpl::reset(); }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input);

  RMSNormOptions options;
  Tensor weight;
};
using RMSNorm = ModuleHolder<RMSNormImpl>;

/// Normalises [N, num_channels, ...] over groups of neighbouring channels; weight and bias
/// [num_channels].
class GroupNormImpl : public Cloneable<GroupNormImpl> {
 public:
  GroupNormImpl(int64_t num_groups, int64_t num_channels)
      : GroupNormImpl(GroupNormOptions(num_groups, num_channels)) {}
  explicit GroupNormImpl(const GroupNormOptions& options) : options(options) {
    GroupNormImpl::reset();
  }
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input);

  GroupNormOptions options;
  Tensor weight;
  Tensor bias;
};
using GroupNorm = ModuleHolder<GroupNormImpl>;

void print_options(std::ostream& out, const LocalResponseNormOptions& options);

class LocalResponseNormImpl
    : public FunctionModule<LocalResponseNormImpl, functional::local_response_norm> {
 public:
  using FunctionModule::FunctionModule;
};
using LocalResponseNorm = ModuleHolder<LocalResponseNormImpl>;

/// local_response_norm over channels of [N, C, H, W], with k an integer.
class CrossMapLRN2dImpl : public Cloneable<CrossMapLRN2dImpl> {
 public:
  explicit CrossMapLRN2dImpl(int64_t size) : CrossMapLRN2dImpl(CrossMapLRN2dOptions(size)) {}
  explicit CrossMapLRN2dImpl(const CrossMapLRN2dOptions& options) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input);

  CrossMapLRN2dOptions options;
};
using CrossMapLRN2d = ModuleHolder<CrossMapLRN2dImpl>;

}  // namespace fg::nn
