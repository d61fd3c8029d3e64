// The functional forms of padding, patches, pixel shuffles and distances.
#include "autograd/ops/distance.h"
#include "autograd/ops/fold.h"
#include "autograd/ops/pad.h"
#include "nn/functional/distance.h"
#include "nn/functional/fold.h"
#include "nn/functional/padding.h"

namespace fg::nn::functional {
namespace {

const char* mode_name(PadMode mode) {
  if (mode == kReflect) return "reflect";
  if (mode == kReplicate) return "replicate";
  if (mode == kCircular) return "circular";
  return "constant";
}

}  // namespace

Tensor pad(const Tensor& input, const PadFuncOptions& options) {
  return fg::pad(input, options.pad(), mode_name(options.mode()), options.value());
}

Tensor fold(const Tensor& input, const FoldFuncOptions& options) {
  return fg::col2im(input, *options.output_size(), *options.kernel_size(), *options.dilation(),
                    *options.padding(), *options.stride());
}

Tensor unfold(const Tensor& input, const UnfoldFuncOptions& options) {
  return fg::im2col(input, *options.kernel_size(), *options.dilation(), *options.padding(),
                    *options.stride());
}

Tensor pixel_shuffle(const Tensor& input, const PixelShuffleFuncOptions& options) {
  return fg::pixel_shuffle(input, options.upscale_factor());
}

Tensor pixel_unshuffle(const Tensor& input, const PixelUnshuffleFuncOptions& options) {
  return fg::pixel_unshuffle(input, options.downscale_factor());
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2,
                         const CosineSimilarityFuncOptions& options) {
  return fg::cosine_similarity(x1, x2, options.dim(), options.eps());
}

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2,
                         const PairwiseDistanceFuncOptions& options) {
  return fg::pairwise_distance(x1, x2, options.p(), options.eps(), options.keepdim());
}

Tensor pdist(const Tensor& input, double p) { return fg::pdist(input, p); }

}  // namespace fg::nn::functional
