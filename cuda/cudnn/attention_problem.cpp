#include "cuda/cudnn/attention_problem.h"

#include "tensor/shape.h"

namespace fg::cuda {
namespace {

constexpr int64_t kVectorElements = 8;  // 16 bytes of a 16-bit type

bool is_aligned(const Tensor& t) { return reinterpret_cast<uintptr_t>(t.data_ptr()) % 16 == 0; }

/// Those of a packed tensor where an extent is 1 and a tensor may carry any. Nothing where cuDNN's 16-byte accesses
/// do not go.
optional<RowStrides> row_strides(const Tensor& t) {
  if (t.stride(3) != 1 || !is_aligned(t)) return nullopt;
  const DimVector packed = contiguous_strides(t.sizes());
  RowStrides strides{};
  for (int64_t d = 0; d < 3; ++d) {
    strides[size_t(d)] = t.size(d) == 1 ? packed[size_t(d)] : t.stride(d);
    if (strides[size_t(d)] % kVectorElements != 0) return nullopt;
  }
  return strides;
}

bool is_taken_width(int64_t width) {
  return width % kCudnnAttentionWidthStep == 0 && width <= kMaxCudnnAttentionWidth;
}

}  // namespace

bool is_fit_for_cudnn_attention(const Tensor& t) { return row_strides(t).has_value(); }

TensorShape AttentionProblem::packed(int64_t rows, int64_t columns) const {
  const DimVector dims{batch, heads, rows, columns};
  return {dims, contiguous_strides(dims)};
}
TensorShape AttentionProblem::rows(const RowStrides& strides, int64_t rows, int64_t columns) const {
  return {{batch, heads, rows, columns}, {strides[0], strides[1], strides[2], 1}};
}
TensorShape AttentionProblem::transposed(const RowStrides& strides, int64_t rows,
                                         int64_t columns) const {
  return {{batch, heads, columns, rows}, {strides[0], strides[1], 1, strides[2]}};
}
TensorShape AttentionProblem::bias() const {
  return {DimVector(bias_dims.begin(), bias_dims.end()),
          DimVector(bias_strides.begin(), bias_strides.end())};
}

optional<AttentionProblem> make_attention_problem(const AttentionOperands& in, const Tensor& out,
                                                  const AttentionOptions& options) {
  const Tensor& q = in.query;
  AttentionProblem p;
  p.batch = q.size(0), p.heads = q.size(1), p.queries = q.size(2), p.width = q.size(3);
  p.keys = in.value.size(2), p.value_width = in.value.size(3);
  p.type = q.dtype();
  p.causal = options.causal;
  p.dropped = uint64_t(options.dropout_p * 0x1p32);
  if (!is_reduced_floating(p.type) || !is_taken_width(p.width) || !is_taken_width(p.value_width))
    return nullopt;
  const auto query = row_strides(q), key = row_strides(in.key), value = row_strides(in.value);
  const auto output = row_strides(out);
  if (!query || !key || !value || !output) return nullopt;
  p.query = *query, p.key = *key, p.value = *value, p.out = *output;
  if (const Tensor& mask = in.mask; mask.defined()) {
    // A bias of one column is read beyond its end.
    if (mask.dtype() != p.type || p.keys == 1 || mask.stride(3) != 1 || !is_aligned(mask))
      return nullopt;
    p.has_bias = true;
    p.bias_dims = {1, 1, p.queries, p.keys};
    p.bias_strides = {p.queries * p.keys, p.queries * p.keys, mask.stride(2), 1};
    // Extents of 1 broadcast but for rows: the backward pass reads one row wrongly, and none with stride 0.
    for (size_t d = 0; d < 2; ++d) {
      if (mask.stride(int64_t(d)) == 0 || mask.size(int64_t(d)) == 1) continue;
      p.bias_dims[d] = mask.size(int64_t(d));
      p.bias_strides[d] = mask.stride(int64_t(d));
    }
  }
  return p;
}

optional<AttentionProblem> make_attention_problem(const AttentionProblem& forward,
                                                  const Tensor& grad_out,
                                                  const AttentionGrads& grads) {
  AttentionProblem p = forward;
  p.pass = AttentionPass::Backward;
  const auto out = row_strides(grad_out), query = row_strides(grads.query);
  const auto key = row_strides(grads.key), value = row_strides(grads.value);
  if (!out || !query || !key || !value) return nullopt;
  p.grad_out = *out, p.grad_query = *query, p.grad_key = *key, p.grad_value = *value;
  return p;
}

}  // namespace fg::cuda
