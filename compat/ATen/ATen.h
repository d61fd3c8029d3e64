// The names of libtorch's namespace at: tensors and the ops on them.
#pragma once

#include "../c10/c10.h"

namespace at {

using namespace c10;

using fg::default_generator, fg::Generator, fg::manual_seed;
using fg::get_num_threads, fg::set_num_threads;
using fg::Reduction;
using fg::Tensor, fg::TensorAccessor, fg::TensorList;
namespace indexing = ::fg::indexing;

struct CPUGeneratorImpl;
template <class Impl>
Generator make_generator(uint64_t seed = 67280421310721) {  // libtorch's seed for a new generator
  Generator generator;
  generator.manual_seed(seed);
  return generator;
}
namespace detail {
inline const Generator& getDefaultCPUGenerator() { return fg::default_generator(); }
inline Generator createCPUGenerator(uint64_t seed = 67280421310721) {
  return make_generator<CPUGeneratorImpl>(seed);
}
}  // namespace detail

// Elementwise ops: the op, its in-place form and the form that writes to a given tensor.
#define X(op, ...) using fg::op, fg::op##_, fg::op##_out;
FOR_EACH_UNARY(X)
FOR_EACH_BINARY(X)
FOR_EACH_COMPARISON(X)
FOR_EACH_BITWISE(X)
FOR_EACH_ACTIVATION(X)
FOR_EACH_UNARY_SECOND_NAME(X)
#undef X
#define X(op, ...) using fg::op, fg::op##_out;
FOR_EACH_PREDICATE(X)
#undef X
#define X(name, op) using fg::name, fg::name##_out;
FOR_EACH_BINARY_SECOND_NAME(X)
#undef X
#define X(op) using fg::op##_out;
FOR_EACH_OUT_FORM(X)
FOR_EACH_OUT_PAIR(X)
#undef X

using fg::adaptive_avg_pool1d, fg::adaptive_avg_pool2d, fg::adaptive_avg_pool3d,
    fg::adaptive_max_pool1d, fg::adaptive_max_pool2d, fg::adaptive_max_pool3d, fg::add, fg::add_,
    fg::addbmm, fg::addcdiv, fg::addcdiv_, fg::addcmul, fg::addcmul_, fg::addmm, fg::addmv,
    fg::addmv_, fg::addr, fg::adjoint, fg::alias, fg::all, fg::allclose, fg::alpha_dropout,
    fg::alpha_dropout_, fg::amax, fg::amax_out, fg::amin, fg::amin_out, fg::aminmax, fg::any,
    fg::arange, fg::argmax, fg::argmin, fg::argsort, fg::argwhere, fg::as_strided, fg::as_strided_,
    fg::as_strided_scatter, fg::atleast_1d, fg::atleast_2d, fg::atleast_3d, fg::avg_pool1d,
    fg::avg_pool2d, fg::avg_pool3d, fg::baddbmm, fg::bartlett_window, fg::batch_norm, fg::bernoulli,
    fg::bilinear, fg::binary_cross_entropy, fg::binary_cross_entropy_with_logits, fg::bincount,
    fg::bitwise_not, fg::blackman_window, fg::block_diag, fg::bmm, fg::broadcast_tensors,
    fg::broadcast_to, fg::bucketize, fg::can_cast, fg::cartesian_prod, fg::cat, fg::cat_out,
    fg::cdist, fg::celu, fg::celu_, fg::chain_matmul, fg::channel_shuffle, fg::chunk, fg::clamp,
    fg::clamp_, fg::clamp_max, fg::clamp_max_, fg::clamp_min, fg::clamp_min_, fg::clip, fg::clip_,
    fg::clone, fg::col2im, fg::column_stack, fg::column_stack_out, fg::combinations, fg::concat,
    fg::concatenate, fg::constant_pad_nd, fg::conv1d, fg::conv2d, fg::conv3d, fg::conv_transpose1d,
    fg::conv_transpose2d, fg::conv_transpose3d, fg::convolution, fg::corrcoef,
    fg::cosine_embedding_loss, fg::cosine_similarity, fg::count_nonzero, fg::cov, fg::cross,
    fg::cross_entropy_loss, fg::ctc_loss, fg::cummax, fg::cummin, fg::cumprod, fg::cumsum,
    fg::cumulative_trapezoid, fg::deg2rad, fg::deg2rad_, fg::detach, fg::detach_, fg::diag,
    fg::diag_embed, fg::diagflat, fg::diagonal, fg::diagonal_scatter, fg::diff, fg::dist, fg::dot,
    fg::dropout, fg::dropout_, fg::dsplit, fg::dstack, fg::dstack_out, fg::einsum, fg::elu,
    fg::elu_, fg::embedding, fg::embedding_renorm_, fg::empty, fg::empty_like, fg::empty_strided,
    fg::equal, fg::expand, fg::eye, fg::feature_alpha_dropout, fg::feature_alpha_dropout_,
    fg::feature_dropout, fg::feature_dropout_, fg::fill_, fg::flatten, fg::flip, fg::fliplr,
    fg::flipud, fg::float_power, fg::fractional_max_pool2d, fg::fractional_max_pool3d,
    fg::frobenius_norm, fg::from_blob, fg::full, fg::full_like, fg::full_out, fg::gather, fg::gcd,
    fg::gcd_, fg::gelu, fg::gelu_, fg::ger, fg::glu, fg::group_norm, fg::hamming_window,
    fg::hann_window, fg::hardshrink, fg::hardtanh, fg::hardtanh_, fg::heaviside,
    fg::hinge_embedding_loss, fg::histc, fg::histogram, fg::hsplit, fg::hstack, fg::hstack_out,
    fg::huber_loss, fg::im2col, fg::index, fg::index_add, fg::index_copy, fg::index_fill,
    fg::index_put, fg::index_put_, fg::index_reduce, fg::index_select, fg::inner, fg::instance_norm,
    fg::is_complex, fg::is_floating_point, fg::is_nonzero, fg::is_same_size, fg::is_signed,
    fg::isclose, fg::isin, fg::isneginf, fg::isposinf, fg::isreal, fg::kl_div, fg::kron,
    fg::kthvalue, fg::l1_loss, fg::layer_norm, fg::lcm, fg::lcm_, fg::ldexp, fg::ldexp_,
    fg::leaky_relu, fg::leaky_relu_, fg::lerp, fg::lerp_, fg::linear, fg::linspace, fg::log_softmax,
    fg::logaddexp2, fg::logcumsumexp, fg::logit, fg::logit_, fg::logspace, fg::logsumexp,
    fg::margin_ranking_loss, fg::masked_fill, fg::masked_scatter, fg::masked_select, fg::matmul,
    fg::matrix_power, fg::max, fg::max_pool1d, fg::max_pool1d_with_indices, fg::max_pool2d,
    fg::max_pool2d_with_indices, fg::max_pool3d, fg::max_pool3d_with_indices, fg::max_unpool2d,
    fg::max_unpool3d, fg::mean, fg::mean_out, fg::median, fg::meshgrid, fg::min, fg::mm, fg::mode,
    fg::moveaxis, fg::movedim, fg::mse_loss, fg::msort, fg::multi_margin_loss,
    fg::multilabel_margin_loss, fg::multinomial, fg::mv, fg::mvlgamma, fg::nan_to_num,
    fg::nan_to_num_, fg::nanmean, fg::nanmedian, fg::nanquantile, fg::nansum, fg::narrow,
    fg::narrow_copy, fg::nll_loss, fg::nonzero, fg::nonzero_numpy, fg::norm, fg::normal,
    fg::one_hot, fg::ones, fg::ones_like, fg::ones_out, fg::outer, fg::pad, fg::pairwise_distance,
    fg::pdist, fg::permute, fg::pixel_shuffle, fg::pixel_unshuffle, fg::poisson_nll_loss,
    fg::polygamma, fg::positive, fg::prelu, fg::prod, fg::promote_types, fg::put, fg::quantile,
    fg::rad2deg, fg::rad2deg_, fg::rand, fg::rand_like, fg::rand_out, fg::randint, fg::randint_like,
    fg::randint_out, fg::randn, fg::randn_like, fg::randn_out, fg::randperm, fg::range, fg::ravel,
    fg::reflection_pad1d, fg::reflection_pad2d, fg::reflection_pad3d, fg::renorm, fg::repeat,
    fg::repeat_interleave, fg::replication_pad1d, fg::replication_pad2d, fg::replication_pad3d,
    fg::reshape, fg::resize_as_, fg::result_type, fg::roll, fg::rot90, fg::row_stack, fg::rrelu,
    fg::rrelu_, fg::rsub, fg::scalar_tensor, fg::scatter, fg::scatter_add, fg::scatter_reduce,
    fg::searchsorted, fg::select, fg::select_scatter, fg::sinc, fg::sinc_, fg::slice,
    fg::slice_scatter, fg::smooth_l1_loss, fg::soft_margin_loss, fg::softmax, fg::softplus,
    fg::softshrink, fg::sort, fg::split, fg::split_with_sizes, fg::squeeze, fg::stack,
    fg::stack_out, fg::std, fg::std_mean, fg::std_out, fg::sub, fg::sub_, fg::subtract, fg::sum,
    fg::sum_out, fg::swapaxes, fg::swapdims, fg::t, fg::take, fg::take_along_dim, fg::tensor,
    fg::tensor_split, fg::tensordot, fg::threshold, fg::threshold_, fg::tile, fg::topk, fg::trace,
    fg::transpose, fg::trapezoid, fg::trapz, fg::tril, fg::tril_indices, fg::triplet_margin_loss,
    fg::triu, fg::triu_indices, fg::unbind, fg::unflatten, fg::unfold, fg::unique_consecutive,
    fg::unsqueeze, fg::upsample_nearest1d, fg::upsample_nearest2d, fg::upsample_nearest3d,
    fg::vander, fg::var, fg::var_mean, fg::var_out, fg::vdot, fg::view, fg::vsplit, fg::vstack,
    fg::vstack_out, fg::where, fg::zero_, fg::zeros, fg::zeros_like, fg::zeros_out;

using fg::nn::utils::rnn::pad_sequence;

// The namespaces linalg and special, and their functions under the names that they have here.
// clang-format off
#define FOR_EACH_LINALG_NAME(X)                                                                     \
  X(cross) X(diagonal) X(matmul) X(matrix_norm) X(matrix_power) X(multi_dot) X(norm) X(vecdot)      \
  X(vector_norm)
#define FOR_EACH_SPECIAL_NAME(X)                                                                    \
  X(digamma) X(entr) X(erf) X(erfc) X(erfinv) X(exp2) X(expit) X(expm1) X(gammaln) X(log1p)         \
  X(log_softmax) X(logit) X(logsumexp) X(multigammaln) X(ndtr) X(polygamma) X(psi) X(round) X(sinc) \
  X(softmax) X(xlog1py) X(xlogy)
// clang-format on
namespace linalg = ::fg::linalg;
namespace special = ::fg::special;
#define X(name)                                           \
  template <class... Args>                                \
  decltype(auto) linalg_##name(Args&&... args) {          \
    return fg::linalg::name(std::forward<Args>(args)...); \
  }
FOR_EACH_LINALG_NAME(X)
#undef X
#define X(name)                                            \
  template <class... Args>                                 \
  decltype(auto) special_##name(Args&&... args) {          \
    return fg::special::name(std::forward<Args>(args)...); \
  }
FOR_EACH_SPECIAL_NAME(X)
#undef X

// The name under which libtorch has `unique` of a flattened tensor.
inline auto _unique2(const Tensor& x, bool sorted = true, bool return_inverse = false,
                     bool return_counts = false) {
  return fg::unique(x, sorted, return_inverse, return_counts);
}

}  // namespace at

#include "Dispatch.h"
