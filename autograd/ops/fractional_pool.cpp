// Fractional max pooling, as one gather of all windows.
#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/spatial.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

/// Where the windows of `outputs` outputs begin, [planes, outputs]: a pseudorandom sequence (Graham,
/// 2014) whose shift is `sample` [planes], in [0, 1), and whose last window ends with the input.
Tensor window_starts(const Tensor& sample, int64_t inputs, int64_t outputs, int64_t kernel) {
  const Tensor last = full({sample.size(0), 1}, inputs - kernel, sample.options().dtype(kLong));
  if (outputs == 1) return last;
  const double alpha = double(inputs - kernel) / double(outputs - 1);
  const Tensor shift = sample.unsqueeze(1);
  const Tensor steps = arange(outputs - 1, sample.options());
  const Tensor starts = ((steps + shift) * alpha).to(kLong) - (shift * alpha).to(kLong);
  return cat({starts, last}, 1);
}

/// The inputs of each window along dim `d`, [planes, outputs, 1, kernel] with `d` deciding which of
/// the outer and inner dims they are broadcast over.
Tensor window_inputs(const Tensor& starts, int64_t kernel, size_t d) {
  const Tensor inputs = starts.unsqueeze(2) + arange(kernel, starts.options());
  DimVector shape{starts.size(0), 1, 1, 1, 1, 1, 1};
  shape[1 + d] = starts.size(1);
  shape[4 + d] = kernel;
  return inputs.reshape(shape);
}

std::tuple<Tensor, Tensor> fractional_max_pool(const Tensor& input, IntArrayRef kernel_size,
                                               IntArrayRef output_size,
                                               const Tensor& random_samples, int64_t rank,
                                               const char* op) {
  const profiler::RecordOp recorded(op, input, random_samples);
  detail::check_spatial_input(input, rank, op);
  detail::check_floating(input, op);
  const Extents in = detail::spatial_extents(input.sizes(), rank);
  const Extents kernel = detail::spatial_argument(kernel_size, rank, 1, 1, "kernel_size", op);
  const Extents out = detail::spatial_argument(output_size, rank, 1, 1, "output_size", op);
  for (size_t d = 0; d < 3; ++d)
    ENSURE(out[d] + kernel[d] - 1 <= in[d], op, ": kernel_size ",
           detail::spatial_part(kernel, rank), " must leave room for output_size ",
           detail::spatial_part(out, rank), " in input ", input.sizes());
  const int64_t batch = input.dim() == rank + 2 ? input.size(0) : 1;
  const DimVector wanted{batch, input.size(-rank - 1), rank};
  ENSURE(random_samples.sizes() == IntArrayRef(wanted), op, ": random_samples must have shape ",
         wanted, " (batch, channels, spatial dims), got ", random_samples.sizes());
  ENSURE(random_samples.dtype() == input.dtype(), op, ": random_samples must have input's dtype ",
         input.dtype(), ", got ", random_samples.dtype());

  const int64_t planes = wanted[0] * wanted[1], windows = numel_of(out), taps = numel_of(kernel);
  const Tensor samples = random_samples.detach().reshape({planes, rank});
  Tensor offsets = zeros({planes, 1, 1, 1, 1, 1, 1}, input.options().dtype(kLong));
  for (int64_t d = 3 - rank; d < 3; ++d) {
    // PyTorch's order: in two dims the width comes first, in three the depth.
    const Tensor sample = samples.select(1, rank == 2 ? 2 - d : d);
    const size_t dim = size_t(d);
    const Tensor starts = window_starts(sample, in[dim], out[dim], kernel[dim]);
    offsets = offsets * in[dim] + window_inputs(starts, kernel[dim], dim);
  }
  offsets = offsets.reshape({planes, windows, taps});
  const Tensor read = input.reshape({planes, numel_of(in)})
                          .gather(1, offsets.reshape({planes, windows * taps}))
                          .reshape({planes, windows, taps});
  const auto [values, at] = read.max(2);
  const DimVector sizes = detail::spatial_sizes_like(input, out, rank);
  return {values.reshape(sizes), offsets.gather(2, at.unsqueeze(2)).reshape(sizes)};
}

}  // namespace

std::tuple<Tensor, Tensor> fractional_max_pool2d(const Tensor& input, IntArrayRef kernel_size,
                                                 IntArrayRef output_size,
                                                 const Tensor& random_samples) {
  if (detail::is_autocast())
    return detail::autocast_call("fractional_max_pool2d", fractional_max_pool2d, input, kernel_size,
                                 output_size, random_samples);
  return fractional_max_pool(input, kernel_size, output_size, random_samples, 2,
                             "fractional_max_pool2d");
}

std::tuple<Tensor, Tensor> fractional_max_pool3d(const Tensor& input, IntArrayRef kernel_size,
                                                 IntArrayRef output_size,
                                                 const Tensor& random_samples) {
  if (detail::is_autocast())
    return detail::autocast_call("fractional_max_pool3d", fractional_max_pool3d, input, kernel_size,
                                 output_size, random_samples);
  return fractional_max_pool(input, kernel_size, output_size, random_samples, 3,
                             "fractional_max_pool3d");
}

}  // namespace fg
