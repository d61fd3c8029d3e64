// The checks and their texts are libtorch's.
#include "nn/functional/vision.h"

#include "autograd/ops/grid_sample.h"

namespace fg::nn::functional {

Tensor affine_grid(const Tensor& theta, const IntArrayRef& size, bool align_corners) {
  ENSURE(theta.is_floating_point(), "Expected theta to have floating point type, but got ",
         theta.dtype());
  const int64_t rank = int64_t(size.size()) - 2;
  ENSURE(rank == 2 || rank == 3,
         "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
         "respectively. Got size ",
         size);
  ENSURE(theta.dim() == 3 && theta.size(1) == rank && theta.size(2) == rank + 1,
         "Expected a batch of ", rank, "D affine matrices of shape Nx", rank, 'x', rank + 1,
         " for size ", size, ". Got ", theta.sizes(), '.');
  ENSURE(*std::min_element(size.begin(), size.end()) > 0,
         "Expected non-zero, positive output size. Got ", size);
  return affine_grid_generator(theta, size, align_corners);
}

Tensor grid_sample(const Tensor& input, const Tensor& grid, const GridSampleFuncOptions& options) {
  const auto mode = options.mode();
  const auto padding = options.padding_mode();
  return grid_sampler(input, grid,
                      mode == kBilinear  ? 0
                      : mode == kNearest ? 1
                                         : 2,
                      padding == kZeros    ? 0
                      : padding == kBorder ? 1
                                           : 2,
                      options.align_corners().value_or(false));
}

}  // namespace fg::nn::functional
