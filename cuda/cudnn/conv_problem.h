// A convolution as cuDNN is asked for it, in plain numbers: dims, strides, pads, and what tells one cached plan
// from another. Knows nothing of cuDNN, so that it is tested where there is none.
//
// cuda/cudnn/ holds what stands between the launchers and cuDNN: errors and descriptors (check.h, descriptor.h),
// handles per device and stream (session.h), convolutions (conv_graph.h), attention (attention_graph.h), recurrent
// layers (rnn.h).
#pragma once

#include "cuda/cudnn/tensor_shape.h"
#include "tensor/kernels/conv.h"

namespace fg::cuda {

/// Which of the three is computed from the other two (tensor/kernels/conv.h).
enum class ConvDirection : int8_t { Forward, InputGrad, WeightGrad };

/// Everything on which the choice of an algorithm depends. The key of a cached plan (cuda/lru_cache.h), so without
/// padding.
struct ConvProblem {
  ConvGeometry geometry;
  ConvDirection direction = ConvDirection::Forward;
  /// 2 or 3. One spatial dim is two, the first of extent 1: cuDNN knows no fewer.
  int8_t spatial_dims = 2;
  ScalarType type = kFloat;
  bool channels_last = false;
  /// The output side gets a bias per channel: the convolution's output, or the input in InputGrad.
  bool has_bias = false;
  bool allow_tf32 = false;
  bool deterministic = false;
  /// Bytes by which the addresses of all tensors are aligned: a power of two, at most 16.
  int8_t alignment = 16;

  /// Extents are in the order N, C, [D,] H, W.
  TensorShape input() const;
  TensorShape weight() const;
  TensorShape output() const;
  /// The bias as it broadcasts to the side that it is added to.
  TensorShape bias() const;
  DimVector stride() const { return spatial(geometry.stride); }
  DimVector dilation() const { return spatial(geometry.dilation); }
  DimVector padding() const { return spatial(geometry.padding); }

  DimVector spatial(const Extents& extents) const;

 private:
  TensorShape shape(int64_t first, int64_t second, const Extents& extents) const;
};

/// The problem of a launcher's call. Switches (TF32, determinism) are left for the caller to set. Throws
/// fg::Error unless all tensors of rank above 1 are contiguous or all channels last.
ConvProblem make_conv_problem(ConvDirection direction, const Tensor& input, const Tensor& weight,
                              const Tensor& output, const Tensor& bias,
                              const ConvGeometry& geometry);

}  // namespace fg::cuda
