#include "nn/functional/pooling.h"

#include "autograd/ops/pool.h"
#include "tensor/factories.h"

namespace fg::nn::functional {
namespace {

template <class Op, size_t D>
auto apply_max(const Op& op, const Tensor& input, const MaxPoolOptions<D>& options) {
  return op(input, *options.kernel_size(), *options.stride(), *options.padding(),
            *options.dilation(), options.ceil_mode());
}

template <class Op, size_t D>
Tensor apply_unpool(const Op& op, const Tensor& input, const Tensor& indices,
                    const MaxUnpoolFuncOptions<D>& options) {
  OptionalIntArrayRef output_size;
  if (options.output_size()) output_size = *options.output_size();
  return op(input, indices, *options.kernel_size(), *options.stride(), *options.padding(),
            output_size);
}

/// The output extents with those of the input where none was given.
template <size_t D>
std::array<int64_t, D> output_extents(const Tensor& input, const AdaptivePoolOptions<D>& options) {
  ENSURE(input.dim() >= int64_t(D), "adaptive_pool", D, "d: input must have at least ", D,
         " dims, got shape ", input.sizes());
  std::array<int64_t, D> extents;
  for (size_t d = 0; d < D; ++d) {
    extents[d] = (*options.output_size())[d].value_or(input.size(input.dim() - int64_t(D - d)));
  }
  return extents;
}

template <class Op, size_t D>
std::tuple<Tensor, Tensor> apply_fractional(const Op& op, const Tensor& input,
                                            const FractionalMaxPoolOptions<D>& options,
                                            const char* name) {
  ENSURE(options.output_size() || options.output_ratio(), name,
         " requires specifying either an output_size or an output_ratio");
  ENSURE(input.dim() > int64_t(D), name, ": input must have at least ", D + 1, " dims, got shape ",
         input.sizes());
  std::array<int64_t, D> extents;
  for (size_t d = 0; d < D; ++d) {
    const int64_t extent = input.size(input.dim() - int64_t(D - d));
    extents[d] = options.output_size() ? (**options.output_size())[d]
                                       : int64_t(double(extent) * (**options.output_ratio())[d]);
  }
  const int64_t rank = int64_t(D), batch = input.dim() == rank + 1 ? 1 : input.size(0);
  const Tensor samples = options._random_samples().defined()
                             ? options._random_samples()
                             : rand({batch, input.size(-rank - 1), rank}, input.options());
  return op(input, *options.kernel_size(), extents, samples);
}

}  // namespace

Tensor avg_pool1d(const Tensor& input, const AvgPool1dFuncOptions& options) {
  ENSURE(!options.divisor_override(), "avg_pool1d: divisor_override must be absent, got ",
         *options.divisor_override());
  return fg::avg_pool1d(input, *options.kernel_size(), *options.stride(), *options.padding(),
                        options.ceil_mode(), options.count_include_pad());
}

Tensor avg_pool2d(const Tensor& input, const AvgPool2dFuncOptions& options) {
  return fg::avg_pool2d(input, *options.kernel_size(), *options.stride(), *options.padding(),
                        options.ceil_mode(), options.count_include_pad(),
                        options.divisor_override());
}

Tensor avg_pool3d(const Tensor& input, const AvgPool3dFuncOptions& options) {
  return fg::avg_pool3d(input, *options.kernel_size(), *options.stride(), *options.padding(),
                        options.ceil_mode(), options.count_include_pad(),
                        options.divisor_override());
}

Tensor max_pool1d(const Tensor& input, const MaxPool1dFuncOptions& options) {
  return apply_max(fg::max_pool1d, input, options);
}

Tensor max_pool2d(const Tensor& input, const MaxPool2dFuncOptions& options) {
  return apply_max(fg::max_pool2d, input, options);
}

Tensor max_pool3d(const Tensor& input, const MaxPool3dFuncOptions& options) {
  return apply_max(fg::max_pool3d, input, options);
}

std::tuple<Tensor, Tensor> max_pool1d_with_indices(const Tensor& input,
                                                   const MaxPool1dFuncOptions& options) {
  return apply_max(fg::max_pool1d_with_indices, input, options);
}

std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& input,
                                                   const MaxPool2dFuncOptions& options) {
  return apply_max(fg::max_pool2d_with_indices, input, options);
}

std::tuple<Tensor, Tensor> max_pool3d_with_indices(const Tensor& input,
                                                   const MaxPool3dFuncOptions& options) {
  return apply_max(fg::max_pool3d_with_indices, input, options);
}

Tensor adaptive_avg_pool1d(const Tensor& input, const AdaptiveAvgPool1dFuncOptions& options) {
  return fg::adaptive_avg_pool1d(input, output_extents(input, options));
}

Tensor adaptive_avg_pool2d(const Tensor& input, const AdaptiveAvgPool2dFuncOptions& options) {
  return fg::adaptive_avg_pool2d(input, output_extents(input, options));
}

Tensor adaptive_avg_pool3d(const Tensor& input, const AdaptiveAvgPool3dFuncOptions& options) {
  return fg::adaptive_avg_pool3d(input, output_extents(input, options));
}

Tensor adaptive_max_pool1d(const Tensor& input, const AdaptiveMaxPool1dFuncOptions& options) {
  return std::get<0>(adaptive_max_pool1d_with_indices(input, options));
}

Tensor adaptive_max_pool2d(const Tensor& input, const AdaptiveMaxPool2dFuncOptions& options) {
  return std::get<0>(adaptive_max_pool2d_with_indices(input, options));
}

Tensor adaptive_max_pool3d(const Tensor& input, const AdaptiveMaxPool3dFuncOptions& options) {
  return std::get<0>(adaptive_max_pool3d_with_indices(input, options));
}

std::tuple<Tensor, Tensor> adaptive_max_pool1d_with_indices(
    const Tensor& input, const AdaptiveMaxPool1dFuncOptions& options) {
  return fg::adaptive_max_pool1d(input, output_extents(input, options));
}

std::tuple<Tensor, Tensor> adaptive_max_pool2d_with_indices(
    const Tensor& input, const AdaptiveMaxPool2dFuncOptions& options) {
  return fg::adaptive_max_pool2d(input, output_extents(input, options));
}

std::tuple<Tensor, Tensor> adaptive_max_pool3d_with_indices(
    const Tensor& input, const AdaptiveMaxPool3dFuncOptions& options) {
  return fg::adaptive_max_pool3d(input, output_extents(input, options));
}

Tensor fractional_max_pool2d(const Tensor& input, const FractionalMaxPool2dFuncOptions& options) {
  return std::get<0>(fractional_max_pool2d_with_indices(input, options));
}

Tensor fractional_max_pool3d(const Tensor& input, const FractionalMaxPool3dFuncOptions& options) {
  return std::get<0>(fractional_max_pool3d_with_indices(input, options));
}

std::tuple<Tensor, Tensor> fractional_max_pool2d_with_indices(
    const Tensor& input, const FractionalMaxPool2dFuncOptions& options) {
  return apply_fractional(fg::fractional_max_pool2d, input, options, "fractional_max_pool2d");
}

std::tuple<Tensor, Tensor> fractional_max_pool3d_with_indices(
    const Tensor& input, const FractionalMaxPool3dFuncOptions& options) {
  return apply_fractional(fg::fractional_max_pool3d, input, options, "fractional_max_pool3d");
}

Tensor max_unpool1d(const Tensor& input, const Tensor& indices,
                    const MaxUnpool1dFuncOptions& options) {
  return apply_unpool(fg::max_unpool1d, input, indices, options);
}

Tensor max_unpool2d(const Tensor& input, const Tensor& indices,
                    const MaxUnpool2dFuncOptions& options) {
  return apply_unpool(fg::max_unpool2d, input, indices, options);
}

Tensor max_unpool3d(const Tensor& input, const Tensor& indices,
                    const MaxUnpool3dFuncOptions& options) {
  return apply_unpool(fg::max_unpool3d, input, indices, options);
}

Tensor lp_pool1d(const Tensor& input, const LPPool1dFuncOptions& options) {
  return fg::lp_pool1d(input, options.norm_type(), *options.kernel_size(), *options.stride(),
                       options.ceil_mode());
}

Tensor lp_pool2d(const Tensor& input, const LPPool2dFuncOptions& options) {
  return fg::lp_pool2d(input, options.norm_type(), *options.kernel_size(), *options.stride(),
                       options.ceil_mode());
}

}  // namespace fg::nn::functional
