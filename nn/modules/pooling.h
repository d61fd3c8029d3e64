// Pooling layers; autograd/ops/pool.h has the shapes.
#pragma once

#include "nn/functional/pooling.h"
#include "nn/modules/function_module.h"

namespace fg::nn {

template <size_t D>
void print_options(std::ostream& out, const AvgPoolOptions<D>& options);
template <size_t D>
void print_options(std::ostream& out, const MaxPoolOptions<D>& options);
template <size_t D>
void print_options(std::ostream& out, const AdaptivePoolOptions<D>& options);
template <size_t D>
void print_options(std::ostream& out, const LPPoolOptions<D>& options);

class AvgPool1dImpl : public FunctionModule<AvgPool1dImpl, functional::avg_pool1d> {
 public:
  using FunctionModule::FunctionModule;
};
class AvgPool2dImpl : public FunctionModule<AvgPool2dImpl, functional::avg_pool2d> {
 public:
  using FunctionModule::FunctionModule;
};
class AvgPool3dImpl : public FunctionModule<AvgPool3dImpl, functional::avg_pool3d> {
 public:
  using FunctionModule::FunctionModule;
};
using AvgPool1d = ModuleHolder<AvgPool1dImpl>;
using AvgPool2d = ModuleHolder<AvgPool2dImpl>;
using AvgPool3d = ModuleHolder<AvgPool3dImpl>;

class AdaptiveAvgPool1dImpl
    : public FunctionModule<AdaptiveAvgPool1dImpl, functional::adaptive_avg_pool1d> {
 public:
  using FunctionModule::FunctionModule;
};
class AdaptiveAvgPool2dImpl
    : public FunctionModule<AdaptiveAvgPool2dImpl, functional::adaptive_avg_pool2d> {
 public:
  using FunctionModule::FunctionModule;
};
class AdaptiveAvgPool3dImpl
    : public FunctionModule<AdaptiveAvgPool3dImpl, functional::adaptive_avg_pool3d> {
 public:
  using FunctionModule::FunctionModule;
};
using AdaptiveAvgPool1d = ModuleHolder<AdaptiveAvgPool1dImpl>;
using AdaptiveAvgPool2d = ModuleHolder<AdaptiveAvgPool2dImpl>;
using AdaptiveAvgPool3d = ModuleHolder<AdaptiveAvgPool3dImpl>;

// Max pools; forward_with_indices also returns where the values lie, as Long offsets in the plane.
class MaxPool1dImpl : public FunctionModule<MaxPool1dImpl, functional::max_pool1d> {
 public:
  using FunctionModule::FunctionModule;
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input) {
    return functional::max_pool1d_with_indices(input, options);
  }
};
class MaxPool2dImpl : public FunctionModule<MaxPool2dImpl, functional::max_pool2d> {
 public:
  using FunctionModule::FunctionModule;
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input) {
    return functional::max_pool2d_with_indices(input, options);
  }
};
class MaxPool3dImpl : public FunctionModule<MaxPool3dImpl, functional::max_pool3d> {
 public:
  using FunctionModule::FunctionModule;
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input) {
    return functional::max_pool3d_with_indices(input, options);
  }
};
using MaxPool1d = ModuleHolder<MaxPool1dImpl>;
using MaxPool2d = ModuleHolder<MaxPool2dImpl>;
using MaxPool3d = ModuleHolder<MaxPool3dImpl>;

class AdaptiveMaxPool1dImpl
    : public FunctionModule<AdaptiveMaxPool1dImpl, functional::adaptive_max_pool1d> {
 public:
  using FunctionModule::FunctionModule;
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input) {
    return functional::adaptive_max_pool1d_with_indices(input, options);
  }
};
class AdaptiveMaxPool2dImpl
    : public FunctionModule<AdaptiveMaxPool2dImpl, functional::adaptive_max_pool2d> {
 public:
  using FunctionModule::FunctionModule;
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input) {
    return functional::adaptive_max_pool2d_with_indices(input, options);
  }
};
class AdaptiveMaxPool3dImpl
    : public FunctionModule<AdaptiveMaxPool3dImpl, functional::adaptive_max_pool3d> {
 public:
  using FunctionModule::FunctionModule;
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input) {
    return functional::adaptive_max_pool3d_with_indices(input, options);
  }
};
using AdaptiveMaxPool1d = ModuleHolder<AdaptiveMaxPool1dImpl>;
using AdaptiveMaxPool2d = ModuleHolder<AdaptiveMaxPool2dImpl>;
using AdaptiveMaxPool3d = ModuleHolder<AdaptiveMaxPool3dImpl>;

/// Base of the fractional max pools; a `_random_samples` given in the options is a buffer.
template <size_t D, class Derived>
class FractionalMaxPoolImpl : public Cloneable<Derived> {
 public:
  explicit FractionalMaxPoolImpl(ExpandingArray<D> kernel_size)
      : FractionalMaxPoolImpl(FractionalMaxPoolOptions<D>(kernel_size)) {}
  explicit FractionalMaxPoolImpl(const FractionalMaxPoolOptions<D>& options) : options(options) {
    FractionalMaxPoolImpl::reset();
  }
  void reset() override;
  void pretty_print(std::ostream& out) const override;
  Tensor forward(const Tensor& input) { return std::get<0>(forward_with_indices(input)); }
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input);

  FractionalMaxPoolOptions<D> options;
  Tensor _random_samples;
};
class FractionalMaxPool2dImpl : public FractionalMaxPoolImpl<2, FractionalMaxPool2dImpl> {
 public:
  using FractionalMaxPoolImpl::FractionalMaxPoolImpl;
};
class FractionalMaxPool3dImpl : public FractionalMaxPoolImpl<3, FractionalMaxPool3dImpl> {
 public:
  using FractionalMaxPoolImpl::FractionalMaxPoolImpl;
};
extern template class FractionalMaxPoolImpl<2, FractionalMaxPool2dImpl>;
extern template class FractionalMaxPoolImpl<3, FractionalMaxPool3dImpl>;
using FractionalMaxPool2d = ModuleHolder<FractionalMaxPool2dImpl>;
using FractionalMaxPool3d = ModuleHolder<FractionalMaxPool3dImpl>;

class LPPool1dImpl : public FunctionModule<LPPool1dImpl, functional::lp_pool1d> {
 public:
  using FunctionModule::FunctionModule;
};
class LPPool2dImpl : public FunctionModule<LPPool2dImpl, functional::lp_pool2d> {
 public:
  using FunctionModule::FunctionModule;
};
using LPPool1d = ModuleHolder<LPPool1dImpl>;
using LPPool2d = ModuleHolder<LPPool2dImpl>;

/// Base of the max unpools: puts values back to the indices that a max pool gave.
template <size_t D, class Derived>
class MaxUnpoolImpl : public Cloneable<Derived> {
 public:
  explicit MaxUnpoolImpl(ExpandingArray<D> kernel_size) : options(kernel_size) {}
  explicit MaxUnpoolImpl(const MaxUnpoolOptions<D>& options) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& out) const override;
  /// `output_size`: the spatial extents, or all extents, of the output.
  Tensor forward(const Tensor& input, const Tensor& indices,
                 const optional<std::vector<int64_t>>& output_size = nullopt);
  std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const override {
    return {{2, AnyValue(optional<std::vector<int64_t>>())}};
  }

  MaxUnpoolOptions<D> options;
};
class MaxUnpool1dImpl : public MaxUnpoolImpl<1, MaxUnpool1dImpl> {
 public:
  using MaxUnpoolImpl::MaxUnpoolImpl;
};
class MaxUnpool2dImpl : public MaxUnpoolImpl<2, MaxUnpool2dImpl> {
 public:
  using MaxUnpoolImpl::MaxUnpoolImpl;
};
class MaxUnpool3dImpl : public MaxUnpoolImpl<3, MaxUnpool3dImpl> {
 public:
  using MaxUnpoolImpl::MaxUnpoolImpl;
};
extern template class MaxUnpoolImpl<1, MaxUnpool1dImpl>;
extern template class MaxUnpoolImpl<2, MaxUnpool2dImpl>;
extern template class MaxUnpoolImpl<3, MaxUnpool3dImpl>;
using MaxUnpool1d = ModuleHolder<MaxUnpool1dImpl>;
using MaxUnpool2d = ModuleHolder<MaxUnpool2dImpl>;
using MaxUnpool3d = ModuleHolder<MaxUnpool3dImpl>;

}  // namespace fg::nn
