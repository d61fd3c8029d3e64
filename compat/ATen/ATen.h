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

namespace detail {
inline const Generator& getDefaultCPUGenerator() { return fg::default_generator(); }
}  // namespace detail

// Elementwise ops: the op, its in-place form and the form that writes to a given tensor.
#define X(op, ...) using fg::op, fg::op##_, fg::op##_out;
FOR_EACH_UNARY(X)
FOR_EACH_BINARY(X)
FOR_EACH_COMPARISON(X)
FOR_EACH_BITWISE(X)
#undef X
#define X(op, ...) using fg::op, fg::op##_;
FOR_EACH_ACTIVATION(X)
#undef X
#define X(op, ...) using fg::op, fg::op##_out;
FOR_EACH_PREDICATE(X)
#undef X
#define X(name, op) using fg::name;
FOR_EACH_UNARY_SECOND_NAME(X)
FOR_EACH_BINARY_SECOND_NAME(X)
#undef X
#define X(op) using fg::op##_out;
FOR_EACH_OUT_FORM(X)
FOR_EACH_OUT_PAIR(X)
#undef X

using fg::adaptive_avg_pool1d, fg::adaptive_avg_pool2d, fg::adaptive_avg_pool3d,
    fg::adaptive_max_pool1d, fg::adaptive_max_pool2d, fg::adaptive_max_pool3d, fg::add, fg::add_,
    fg::addcdiv, fg::addcdiv_, fg::addcmul, fg::addcmul_, fg::addmm, fg::addmv, fg::alias, fg::all,
    fg::allclose, fg::alpha_dropout, fg::alpha_dropout_, fg::amax, fg::amin, fg::any, fg::arange,
    fg::argmax, fg::argmin, fg::argsort, fg::argwhere, fg::as_strided, fg::atleast_1d,
    fg::atleast_2d, fg::atleast_3d, fg::avg_pool1d, fg::avg_pool2d, fg::avg_pool3d, fg::baddbmm,
    fg::batch_norm, fg::bernoulli, fg::binary_cross_entropy, fg::binary_cross_entropy_with_logits,
    fg::bincount, fg::bitwise_not, fg::bmm, fg::broadcast_tensors, fg::broadcast_to, fg::can_cast,
    fg::cat, fg::cat_out, fg::celu, fg::celu_, fg::channel_shuffle, fg::chunk, fg::clamp,
    fg::clamp_, fg::clamp_max, fg::clamp_min, fg::clip, fg::clone, fg::col2im, fg::column_stack,
    fg::concat, fg::concatenate, fg::constant_pad_nd, fg::conv1d, fg::conv2d, fg::conv3d,
    fg::conv_transpose1d, fg::conv_transpose2d, fg::conv_transpose3d, fg::convolution,
    fg::cosine_embedding_loss, fg::cosine_similarity, fg::count_nonzero, fg::cross,
    fg::cross_entropy_loss, fg::ctc_loss, fg::cummax, fg::cummin, fg::cumprod, fg::cumsum,
    fg::deg2rad, fg::detach, fg::diag, fg::diag_embed, fg::diagflat, fg::diagonal, fg::diff,
    fg::dist, fg::dot, fg::dropout, fg::dropout_, fg::dsplit, fg::dstack, fg::einsum, fg::elu,
    fg::elu_, fg::embedding, fg::embedding_renorm_, fg::empty, fg::empty_like, fg::empty_strided,
    fg::equal, fg::expand, fg::eye, fg::feature_alpha_dropout, fg::feature_alpha_dropout_,
    fg::feature_dropout, fg::feature_dropout_, fg::flatten, fg::flip, fg::fliplr, fg::flipud,
    fg::float_power, fg::from_blob, fg::full, fg::full_like, fg::full_out, fg::gather, fg::gelu,
    fg::ger, fg::glu, fg::group_norm, fg::hardshrink, fg::hardtanh, fg::hardtanh_,
    fg::hinge_embedding_loss, fg::hsplit, fg::hstack, fg::huber_loss, fg::im2col, fg::index,
    fg::index_add, fg::index_copy, fg::index_fill, fg::index_put, fg::index_put_, fg::index_select,
    fg::inner, fg::instance_norm, fg::is_complex, fg::is_floating_point, fg::is_nonzero,
    fg::is_same_size, fg::is_signed, fg::isclose, fg::isneginf, fg::isposinf, fg::isreal,
    fg::kl_div, fg::kthvalue, fg::l1_loss, fg::layer_norm, fg::leaky_relu, fg::leaky_relu_,
    fg::lerp, fg::lerp_, fg::linear, fg::linspace, fg::log_softmax, fg::logcumsumexp, fg::logit,
    fg::logspace, fg::logsumexp, fg::margin_ranking_loss, fg::masked_fill, fg::masked_scatter,
    fg::masked_select, fg::matmul, fg::max, fg::max_pool1d, fg::max_pool1d_with_indices,
    fg::max_pool2d, fg::max_pool2d_with_indices, fg::max_pool3d, fg::max_pool3d_with_indices,
    fg::max_unpool2d, fg::max_unpool3d, fg::mean, fg::mean_out, fg::median, fg::meshgrid, fg::min,
    fg::mm, fg::moveaxis, fg::movedim, fg::mse_loss, fg::msort, fg::multi_margin_loss,
    fg::multilabel_margin_loss, fg::multinomial, fg::mv, fg::nan_to_num, fg::nansum, fg::narrow,
    fg::narrow_copy, fg::nll_loss, fg::nonzero, fg::nonzero_numpy, fg::norm, fg::normal,
    fg::one_hot, fg::ones, fg::ones_like, fg::ones_out, fg::outer, fg::pad, fg::pairwise_distance,
    fg::permute, fg::pixel_shuffle, fg::pixel_unshuffle, fg::poisson_nll_loss, fg::polygamma,
    fg::positive, fg::prelu, fg::prod, fg::promote_types, fg::rad2deg, fg::rand, fg::rand_like,
    fg::rand_out, fg::randint, fg::randint_like, fg::randn, fg::randn_like, fg::randn_out,
    fg::randperm, fg::range, fg::ravel, fg::repeat, fg::repeat_interleave, fg::reshape,
    fg::result_type, fg::roll, fg::rot90, fg::row_stack, fg::rrelu, fg::rrelu_, fg::rsub,
    fg::scalar_tensor, fg::scatter, fg::scatter_add, fg::select, fg::slice, fg::smooth_l1_loss,
    fg::soft_margin_loss, fg::softmax, fg::softplus, fg::softshrink, fg::sort, fg::split,
    fg::split_with_sizes, fg::squeeze, fg::stack, fg::stack_out, fg::std, fg::std_mean, fg::sub,
    fg::sub_, fg::subtract, fg::sum, fg::sum_out, fg::swapaxes, fg::swapdims, fg::t, fg::take,
    fg::take_along_dim, fg::tensor, fg::tensor_split, fg::threshold, fg::threshold_, fg::tile,
    fg::topk, fg::trace, fg::transpose, fg::tril, fg::tril_indices, fg::triplet_margin_loss,
    fg::triu, fg::triu_indices, fg::unbind, fg::unflatten, fg::unfold, fg::unique_consecutive,
    fg::unsqueeze, fg::var, fg::var_mean, fg::vdot, fg::view, fg::vsplit, fg::vstack, fg::where,
    fg::zeros, fg::zeros_like, fg::zeros_out;

// The name under which libtorch has `unique` of a flattened tensor.
inline auto _unique2(const Tensor& x, bool sorted = true, bool return_inverse = false,
                     bool return_counts = false) {
  return fg::unique(x, sorted, return_inverse, return_counts);
}

}  // namespace at

#include "Dispatch.h"
