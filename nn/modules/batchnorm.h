// Batch and instance normalisation; autograd/ops/batch_norm.h and norm.h have the formulas.
#pragma once

#include "nn/functional/normalization.h"
#include "nn/pimpl.h"

namespace fg::nn {

/// What batch and instance normalisation share: parameters weight and bias [num_features], ones and
/// zeros at first, if affine; buffers running_mean, running_var and num_batches_tracked if they track.
/// What is absent is undefined.
template <class Derived, class ModuleOptions>
class NormImplBase : public Cloneable<Derived> {
 public:
  explicit NormImplBase(const ModuleOptions& options) : options(options) { NormImplBase::reset(); }

  void reset() override;
  void reset_running_stats();
  void reset_parameters();
  void pretty_print(std::ostream& out) const override;

  ModuleOptions options;
  Tensor weight;
  Tensor bias;
  Tensor running_mean;
  Tensor running_var;
  Tensor num_batches_tracked;
};

/// Base of BatchNorm1d, BatchNorm2d and BatchNorm3d. In training, or without running statistics, it
/// uses the batch's statistics.
template <size_t D, class Derived>
class BatchNormImplBase : public NormImplBase<Derived, BatchNormOptions> {
 public:
  using NormImplBase<Derived, BatchNormOptions>::NormImplBase;
  /// Input [N, C] or [N, C, L] (1d), [N, C, H, W] (2d), [N, C, D, H, W] (3d).
  Tensor forward(const Tensor& input);
};

/// Base of InstanceNorm1d, InstanceNorm2d and InstanceNorm3d.
template <size_t D, class Derived>
class InstanceNormImplBase : public NormImplBase<Derived, InstanceNormOptions> {
 public:
  using NormImplBase<Derived, InstanceNormOptions>::NormImplBase;
  /// Input as for batch normalisation, or without the N; 1d needs the L.
  Tensor forward(const Tensor& input);
};

class BatchNorm1dImpl : public BatchNormImplBase<1, BatchNorm1dImpl> {
 public:
  using BatchNormImplBase::BatchNormImplBase;
};
class BatchNorm2dImpl : public BatchNormImplBase<2, BatchNorm2dImpl> {
 public:
  using BatchNormImplBase::BatchNormImplBase;
};
class BatchNorm3dImpl : public BatchNormImplBase<3, BatchNorm3dImpl> {
 public:
  using BatchNormImplBase::BatchNormImplBase;
};
using BatchNorm1d = ModuleHolder<BatchNorm1dImpl>;
using BatchNorm2d = ModuleHolder<BatchNorm2dImpl>;
using BatchNorm3d = ModuleHolder<BatchNorm3dImpl>;

class InstanceNorm1dImpl : public InstanceNormImplBase<1, InstanceNorm1dImpl> {
 public:
  using InstanceNormImplBase::InstanceNormImplBase;
};
class InstanceNorm2dImpl : public InstanceNormImplBase<2, InstanceNorm2dImpl> {
 public:
  using InstanceNormImplBase::InstanceNormImplBase;
};
class InstanceNorm3dImpl : public InstanceNormImplBase<3, InstanceNorm3dImpl> {
 public:
  using InstanceNormImplBase::InstanceNormImplBase;
};
using InstanceNorm1d = ModuleHolder<InstanceNorm1dImpl>;
using InstanceNorm2d = ModuleHolder<InstanceNorm2dImpl>;
using InstanceNorm3d = ModuleHolder<InstanceNorm3dImpl>;

extern template class NormImplBase<BatchNorm1dImpl, BatchNormOptions>;
extern template class BatchNormImplBase<1, BatchNorm1dImpl>;
extern template class NormImplBase<BatchNorm2dImpl, BatchNormOptions>;
extern template class BatchNormImplBase<2, BatchNorm2dImpl>;
extern template class NormImplBase<BatchNorm3dImpl, BatchNormOptions>;
extern template class BatchNormImplBase<3, BatchNorm3dImpl>;
extern template class NormImplBase<InstanceNorm1dImpl, InstanceNormOptions>;
extern template class InstanceNormImplBase<1, InstanceNorm1dImpl>;
extern template class NormImplBase<InstanceNorm2dImpl, InstanceNormOptions>;
extern template class InstanceNormImplBase<2, InstanceNorm2dImpl>;
extern template class NormImplBase<InstanceNorm3dImpl, InstanceNormOptions>;
extern template class InstanceNormImplBase<3, InstanceNorm3dImpl>;

}  // namespace fg::nn
