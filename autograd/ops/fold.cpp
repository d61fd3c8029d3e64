#include "autograd/ops/fold.h"

#include "autograd/ops/linear_map.h"
#include "autograd/ops/spatial.h"
#include "tensor/factories.h"
#include "tensor/kernels/conv.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

using detail::dense;
using detail::spatial_argument;
using detail::spatial_part;

struct Patches {
  static constexpr const char* kName = "Im2colBackward";
  ConvGeometry geometry;

  Tensor forward(const Tensor& x) const {
    if (const ScalarType type = kernel_type(x); type != x.dtype())
      return forward(x.to(type)).to(x.dtype());
    const ConvGeometry& g = geometry;
    const Tensor columns =
        empty({g.batch, g.in_channels * numel_of(g.kernel), numel_of(g.output)}, x.options());
    ON_DEVICE(x, im2col, columns, dense(x), g);
    return columns;
  }
  Tensor adjoint(const Tensor& columns) const {
    if (const ScalarType type = kernel_type(columns); type != columns.dtype())
      return adjoint(columns.to(type)).to(columns.dtype());
    const ConvGeometry& g = geometry;
    const Tensor x = empty({g.batch, g.in_channels, g.input[1], g.input[2]}, columns.options());
    ON_DEVICE(columns, col2im, x, dense(columns), g);
    return x;
  }
};

/// The geometry of patches over an image of extents g.input.
void set_patches(ConvGeometry& g, IntArrayRef kernel_size, IntArrayRef dilation,
                 IntArrayRef padding, IntArrayRef stride, const char* op) {
  g.kernel = spatial_argument(kernel_size, 2, 1, 1, "kernel_size", op);
  g.dilation = spatial_argument(dilation, 2, 1, 1, "dilation", op);
  g.padding = spatial_argument(padding, 2, 0, 0, "padding", op);
  g.stride = spatial_argument(stride, 2, 1, 1, "stride", op);
  for (size_t d = 0; d < 3; ++d) {
    const int64_t room = g.input[d] + 2 * g.padding[d] - g.dilation[d] * (g.kernel[d] - 1) - 1;
    ENSURE(room >= 0, op, ": kernel_size ", spatial_part(g.kernel, 2), " with dilation ",
           spatial_part(g.dilation, 2), " must not be larger than the padded image, got ",
           spatial_part(g.input, 2), " with padding ", spatial_part(g.padding, 2));
    g.output[d] = room / g.stride[d] + 1;
  }
}

/// Splits dim `dim` of `t` into the given extents.
Tensor split_dim(const Tensor& t, int64_t dim, std::initializer_list<int64_t> extents) {
  DimVector sizes(t.sizes().begin(), t.sizes().begin() + dim);
  for (int64_t extent : extents) sizes.push_back(extent);
  for (int64_t d = dim + 1; d < t.dim(); ++d) sizes.push_back(t.size(d));
  return t.reshape(sizes);
}

}  // namespace

Tensor im2col(const Tensor& input, IntArrayRef kernel_size, IntArrayRef dilation,
              IntArrayRef padding, IntArrayRef stride) {
  const profiler::RecordOp recorded("im2col", input);
  detail::check_spatial_input(input, 2, "im2col");
  detail::check_floating(input, "im2col");
  const bool batched = input.dim() == 4;
  ConvGeometry g;
  g.batch = batched ? input.size(0) : 1;
  g.in_channels = input.size(-3);
  g.input = detail::spatial_extents(input.sizes(), 2);
  set_patches(g, kernel_size, dilation, padding, stride, "im2col");
  const Tensor columns = detail::apply_linear_map(Patches{g}, batched ? input : input.unsqueeze(0));
  return batched ? columns : columns.squeeze(0);
}

Tensor col2im(const Tensor& input, IntArrayRef output_size, IntArrayRef kernel_size,
              IntArrayRef dilation, IntArrayRef padding, IntArrayRef stride) {
  const profiler::RecordOp recorded("col2im", input);
  detail::check_spatial_input(input, 1, "col2im");
  detail::check_floating(input, "col2im");
  const bool batched = input.dim() == 3;
  ConvGeometry g;
  g.batch = batched ? input.size(0) : 1;
  g.input = spatial_argument(output_size, 2, 1, 1, "output_size", "col2im");
  set_patches(g, kernel_size, dilation, padding, stride, "col2im");
  const int64_t taps = numel_of(g.kernel);
  ENSURE(input.size(-2) % taps == 0, "col2im: input must have a multiple of ", taps,
         " rows (kernel_size ", spatial_part(g.kernel, 2), "), got shape ", input.sizes());
  ENSURE(input.size(-1) == numel_of(g.output), "col2im: input must have ", numel_of(g.output),
         " columns (", spatial_part(g.output, 2), " positions), got shape ", input.sizes());
  g.in_channels = input.size(-2) / taps;
  const Tensor image =
      detail::apply_linear_map(Patches{g}, batched ? input : input.unsqueeze(0), true);
  return batched ? image : image.squeeze(0);
}

Tensor pixel_shuffle(const Tensor& input, int64_t upscale_factor) {
  const profiler::RecordOp recorded("pixel_shuffle", input);
  const int64_t r = upscale_factor;
  ENSURE(input.dim() >= 3, "pixel_shuffle: input must have at least 3 dims, got shape ",
         input.sizes());
  ENSURE(r > 0, "pixel_shuffle: upscale_factor must be positive, got ", r);
  const int64_t channels = input.size(-3), height = input.size(-2), width = input.size(-1);
  ENSURE(channels % (r * r) == 0, "pixel_shuffle: input's channels must be a multiple of ", r * r,
         " (upscale_factor ", r, " squared), got shape ", input.sizes());
  DimVector sizes(input.sizes().begin(), input.sizes().end() - 3);
  for (int64_t extent : {channels / (r * r), height * r, width * r}) sizes.push_back(extent);
  // [lead, c, r, r, h, w] to [lead, c, h, r, w, r]
  return input.reshape({-1, channels / (r * r), r, r, height, width})
      .permute({0, 1, 4, 2, 5, 3})
      .reshape(sizes);
}

Tensor pixel_unshuffle(const Tensor& input, int64_t downscale_factor) {
  const profiler::RecordOp recorded("pixel_unshuffle", input);
  const int64_t r = downscale_factor;
  ENSURE(input.dim() >= 3, "pixel_unshuffle: input must have at least 3 dims, got shape ",
         input.sizes());
  ENSURE(r > 0, "pixel_unshuffle: downscale_factor must be positive, got ", r);
  const int64_t channels = input.size(-3), height = input.size(-2), width = input.size(-1);
  ENSURE(height % r == 0 && width % r == 0,
         "pixel_unshuffle: input's height and width must be multiples of downscale_factor ", r,
         ", got shape ", input.sizes());
  DimVector sizes(input.sizes().begin(), input.sizes().end() - 3);
  for (int64_t extent : {channels * r * r, height / r, width / r}) sizes.push_back(extent);
  // [lead, c, h, r, w, r] to [lead, c, r, r, h, w]
  return input.reshape({-1, channels, height / r, r, width / r, r})
      .permute({0, 1, 3, 5, 2, 4})
      .reshape(sizes);
}

Tensor channel_shuffle(const Tensor& input, int64_t groups) {
  const profiler::RecordOp recorded("channel_shuffle", input);
  ENSURE(input.dim() >= 3, "channel_shuffle: input must have at least 3 dims, got shape ",
         input.sizes());
  ENSURE(groups > 0 && input.size(1) % groups == 0,
         "channel_shuffle: groups must be positive and divide the channels of input ",
         input.sizes(), ", got ", groups);
  return split_dim(input, 1, {groups, input.size(1) / groups})
      .transpose(1, 2)
      .reshape(input.sizes());
}

}  // namespace fg
