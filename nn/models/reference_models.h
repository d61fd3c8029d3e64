// The four models whose training this project measures against PyTorch, at the sizes at which it does
// (full) and at small ones for tests: problems 7, 74, 94 and 64 of KernelBench level 2. Parameters have
// PyTorch's names, shapes and initial distributions, drawn in its order.
#pragma once

#include "nn/modules/conv.h"
#include "nn/modules/linear.h"
#include "nn/modules/normalization.h"

namespace fg::nn::models {

/// The extents of a model and of its input.
struct ReferenceSize {
  std::vector<int64_t> input;        // [batch, channels, depth, height, width] or [batch, features]
  int64_t out_channels = 1;          // or features
  std::vector<int64_t> kernel = {};  // of the convolutions, three extents
  int64_t num_groups = 1;            // of the group norm
};

/// A model in two forms that compute the same: plain ops, a node of the tape each, or one fused op.
class ReferenceModel : public Module {
 public:
  using Module::Module;

  /// x: floating, any dtype; the parameters are converted to it (their gradients keep their own dtype).
  virtual Tensor forward(const Tensor& x) = 0;
  /// New models are composed.
  void use_fused(bool fused = true) { fused_ = fused; }
  bool is_fused() const { return fused_; }

 private:
  bool fused_ = false;
};

/// sigmoid(gelu(leaky_relu(relu(conv3d(x))))) + bias, gelu by erf. [N, C, D, H, W] to
/// [N, out_channels, D - 2, H - 2, W - 2] with the usual kernel of 3.
class Conv3dChainImpl : public ReferenceModel {
 public:
  explicit Conv3dChainImpl(const ReferenceSize& size = full());
  static ReferenceSize full() { return {{64, 8, 32, 64, 64}, 32, {3, 3, 3}}; }
  static ReferenceSize small() { return {{4, 3, 7, 9, 11}, 5, {3, 3, 3}}; }
  Tensor forward(const Tensor& x) override;

  Conv3d conv = nullptr;
  Tensor bias;  // [out_channels, 1, 1, 1]
};
using Conv3dChain = ModuleHolder<Conv3dChainImpl>;

/// max_pool3d(leaky_relu(leaky_relu(conv_transpose3d(x), 0.2) * multiplier, 0.2), 2), the convolution with
/// stride 2, padding 1 and output_padding 1. [N, C, D, H, W] to [N, out_channels, D, H, W].
class ConvTranspose3dPoolImpl : public ReferenceModel {
 public:
  explicit ConvTranspose3dPoolImpl(const ReferenceSize& size = full());
  static ReferenceSize full() { return {{16, 16, 16, 32, 32}, 32, {3, 3, 3}}; }
  static ReferenceSize small() { return {{4, 3, 3, 5, 7}, 5, {3, 3, 3}}; }
  Tensor forward(const Tensor& x) override;

  ConvTranspose3d conv_transpose = nullptr;
  Tensor multiplier;  // [out_channels, 1, 1, 1]
};
using ConvTranspose3dPool = ModuleHolder<ConvTranspose3dPoolImpl>;

/// group_norm(mish(hardtanh(linear(x) + bias))). [N, features] to [N, out_channels].
class LinearGroupNormImpl : public ReferenceModel {
 public:
  explicit LinearGroupNormImpl(const ReferenceSize& size = full());
  static ReferenceSize full() { return {{1024, 8192}, 8192, {}, 256}; }
  static ReferenceSize small() { return {{14, 27}, 30, {}, 5}; }
  Tensor forward(const Tensor& x) override;

  Linear gemm = nullptr;
  Tensor bias;  // [out_channels]
  GroupNorm groupnorm = nullptr;
};
using LinearGroupNorm = ModuleHolder<LinearGroupNormImpl>;

/// gelu(gelu(leaky_relu(leaky_relu(logsumexp(linear(x), 1))))). [N, features] to [N, 1].
class LinearLogsumexpImpl : public ReferenceModel {
 public:
  explicit LinearLogsumexpImpl(const ReferenceSize& size = full());
  static ReferenceSize full() { return {{1024, 8192}, 8192}; }
  static ReferenceSize small() { return {{14, 27}, 37}; }
  Tensor forward(const Tensor& x) override;

  Linear linear = nullptr;
};
using LinearLogsumexp = ModuleHolder<LinearLogsumexpImpl>;

/// One of the models, by its name on command lines.
struct ReferenceModelKind {
  std::string name;
  /// The key of the product's or the convolution's weight, and which of its dims are the output's channels
  /// and the input's.
  std::string weight;
  int64_t out_dim, in_dim;
  ReferenceSize full, small;
  std::function<std::shared_ptr<ReferenceModel>(const ReferenceSize& size)> make;
};
/// conv3d_chain, conv_transpose3d_pool, linear_group_norm, linear_logsumexp.
const std::vector<ReferenceModelKind>& reference_models();
/// Throws fg::Error listing the names for an unknown one.
const ReferenceModelKind& reference_model(const std::string& name);

}  // namespace fg::nn::models
