// PyTorch's autocast lists (aten/src/ATen/autocast_mode.h and .cpp, 2.15), by the names that ops have there, as far as
// such an op exists here. An op asks for its row by name; what is in no list is not cast.
#pragma once

#include <cstdint>
#include <string_view>

namespace fg::detail {

enum class CastPolicy : uint8_t {
  none,
  lower_precision,     // all to autocast's dtype
  fp32,                // all to Float
  fp32_set_opt_dtype,  // the dtype argument is Float unless given
  promote,             // all to the widest of them, Float or autocast's dtype
  refused,
};

/// One device's lists: names between spaces.
struct CastLists {
  std::string_view lower_precision, fp32, fp32_set_opt_dtype, promote, refused;

  constexpr CastPolicy policy_of(std::string_view op) const {
    const auto is_in = [op](std::string_view list) {
      for (size_t at = list.find(op); at != list.npos; at = list.find(op, at + 1))
        if (list[at - 1] == ' ' && list[at + op.size()] == ' ') return true;
      return false;
    };
    return is_in(lower_precision)      ? CastPolicy::lower_precision
           : is_in(fp32)               ? CastPolicy::fp32
           : is_in(fp32_set_opt_dtype) ? CastPolicy::fp32_set_opt_dtype
           : is_in(promote)            ? CastPolicy::promote
           : is_in(refused)            ? CastPolicy::refused
                                       : CastPolicy::none;
  }
};

/// "repeat_pad" stands for reflection_pad* and replication_pad*, "interpolate" for upsample_*, "recurrent_layers" for what
/// PyTorch gives to cuDNN or oneDNN, "recurrent_cell" for its cells. cross_entropy and softmin are functions there, made of
/// ops that are listed, as is square, which is a pow; bias_dropout_residual is made of sums.
// clang-format off
inline constexpr CastLists kCudaCasts = {
    .lower_precision =
        " conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution prelu addmm addmv addr "
        "matmul einsum mm mv linear addbmm baddbmm bmm chain_matmul recurrent_layers recurrent_cell "
        "scaled_dot_product_attention vecdot ",
    .fp32 =
        " acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan pow square softplus layer_norm rms_norm "
        "group_norm norm cosine_similarity poisson_nll_loss cosine_embedding_loss nll_loss hinge_embedding_loss kl_div "
        "l1_loss smooth_l1_loss huber_loss mse_loss margin_ranking_loss multilabel_margin_loss soft_margin_loss "
        "triplet_margin_loss multi_margin_loss binary_cross_entropy_with_logits dist pdist cdist renorm logsumexp "
        "interpolate cross_entropy ",
    .fp32_set_opt_dtype = " prod softmax log_softmax softmin cumprod cumsum sum ",
    .promote =
        " addcdiv addcmul atan2 bilinear cross dot vdot grid_sample index_put tensordot scatter_add "
        "bias_dropout_residual ",
    .refused = " binary_cross_entropy "};

inline constexpr CastLists kCpuCasts = {
    .lower_precision =
        " conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution prelu bmm mm baddbmm addmm "
        "addbmm linear matmul recurrent_layers scaled_dot_product_attention vecdot ",
    .fp32 =
        " avg_pool3d binary_cross_entropy grid_sample prod cdist trace max_pool3d max_unpool2d max_unpool3d "
        "adaptive_avg_pool3d repeat_pad mse_loss cosine_embedding_loss nll_loss hinge_embedding_loss poisson_nll_loss "
        "smooth_l1_loss cross_entropy l1_loss huber_loss margin_ranking_loss soft_margin_loss triplet_margin_loss "
        "multi_margin_loss ctc_loss kl_div multilabel_margin_loss binary_cross_entropy_with_logits "
        "fractional_max_pool2d fractional_max_pool3d adaptive_max_pool3d quantile nanquantile ",
    .fp32_set_opt_dtype = " ",
    .promote = " stack cat index_copy bias_dropout_residual ",
    .refused = " "};
// clang-format on

/// An op's row: its policy on each device.
struct AutocastOp {
  const char* name;
  CastPolicy cpu, cuda;

  consteval AutocastOp(const char* op)
      : name(op), cpu(kCpuCasts.policy_of(op)), cuda(kCudaCasts.policy_of(op)) {}
  consteval bool is_listed() const { return cpu != CastPolicy::none || cuda != CastPolicy::none; }
};

}  // namespace fg::detail
