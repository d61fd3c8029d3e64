// Dropout of attention's weights in the own kernels, drawn anew wherever the weights are.
#pragma once

#include "cuda/kernels/philox_fill.cuh"
#include "tensor/kernels/attention.h"

namespace fg::cuda::attention {

/// A weight is kept while its word is below `threshold`.
struct Dropout {
  static constexpr int kLanes = 16;

  PhiloxDraw draw;
  uint64_t threshold;
  float scale;

  explicit Dropout(const AttentionOptions& options)
      : draw(options.draw),
        threshold(word_threshold(1 - options.dropout_p)),
        scale(float(1 / (1 - options.dropout_p))) {}

  /// The factors, 0 or the scale, of the four weights `lane` + 16 j of 64, which share a counter: it depends on the
  /// number of the 64 and the lane alone, so that every kernel draws the same, whichever way its threads lie.
  __device__ __forceinline__ void factors(float (&factor)[4], int64_t tile, int lane) const {
    const PhiloxWords words = draw.stream().words(uint64_t(tile * kLanes + lane));
#pragma unroll
    for (int j = 0; j < 4; ++j) factor[j] = words.at[j] < threshold ? scale : 0.f;
  }
};

/// body.template operator()<kDrops>() where dropout is for float alone: 16-bit types have cuDNN's.
template <class T, class Body>
void dispatch_dropout(const AttentionOptions& options, const Body& body) {
  if (options.dropout_p == 0) return body.template operator()<false>();
  if constexpr (std::is_same_v<T, float>)
    body.template operator()<true>();
  else
    ENSURE(false, "attention: dropout_p must be 0 in a 16-bit type, got ", options.dropout_p);
}

}  // namespace fg::cuda::attention
