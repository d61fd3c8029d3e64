// Attention as cuDNN is asked for it, in plain numbers. Knows nothing of cuDNN, so that it is tested where there is
// none.
#pragma once

#include <array>

#include "cuda/cudnn/tensor_shape.h"
#include "tensor/kernels/attention.h"

namespace fg::cuda {

enum class AttentionPass : int8_t { Forward, Backward };

/// Strides of batch, head and row; within a row elements are next to each other.
using RowStrides = std::array<int64_t, 3>;

/// Everything on which the choice of an engine depends. The key of a cached plan (cuda/lru_cache.h), so without
/// padding. The scale of the scores and the random stream are given with each run.
struct AttentionProblem {
  int64_t batch = 0, heads = 0, queries = 0, keys = 0, width = 0, value_width = 0;
  RowStrides query{}, key{}, value{}, out{};
  /// Of the backward pass.
  RowStrides grad_out{}, grad_query{}, grad_key{}, grad_value{};
  /// What is added to the scores; batches or heads of extent 1 broadcast, rows by a stride of 0.
  std::array<int64_t, 4> bias_dims{}, bias_strides{};
  /// Of 2^32 weights, how many are dropped; 0 without dropout.
  uint64_t dropped = 0;
  AttentionPass pass = AttentionPass::Forward;
  ScalarType type = kBFloat16;
  bool has_bias = false;
  bool causal = false;
  bool deterministic = false;
  std::array<int8_t, 3> unused{};

  /// The probability with which a weight is kept, as cuDNN and we apply it.
  double kept() const { return 1 - double(dropped) * 0x1p-32; }
  /// Extents batch, heads, `rows`, `columns`.
  TensorShape packed(int64_t rows, int64_t columns) const;
  TensorShape rows(const RowStrides& strides, int64_t rows, int64_t columns) const;
  /// The same memory with the last two dims exchanged.
  TensorShape transposed(const RowStrides& strides, int64_t rows, int64_t columns) const;
  TensorShape bias() const;
};

/// The problem of a launcher's call, or nothing where cuDNN's kernels do not take the tensors: 16-bit types whose
/// last extents are multiples of 8 up to 256, addresses and strides multiples of 16 bytes; masks are added, for
/// more than one key, and dense in their last dim.
optional<AttentionProblem> make_attention_problem(const AttentionOperands& in, const Tensor& out,
                                                  const AttentionOptions& options);
/// The backward problem that belongs to a forward one; nothing as above.
optional<AttentionProblem> make_attention_problem(const AttentionProblem& forward,
                                                  const Tensor& grad_out,
                                                  const AttentionGrads& grads);

}  // namespace fg::cuda
