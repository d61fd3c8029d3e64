// Fused stages in plain ops, and what their results look like: shapes and dtypes.
#pragma once

#include "autograd/fused/pointwise.h"
#include "autograd/ops/checks.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/spatial.h"
#include "tensor/kernels/stage.h"

namespace fg {
namespace detail {

// The producers and tails in plain ops.

inline Tensor composed_result(const stage::Conv& p, const std::vector<Tensor>& in) {
  const ConvGeometry& g = p.geometry;
  Extents extra{};
  for (size_t d = 0; p.transposed && d < 3; ++d)
    extra[d] = g.input[d] - ((g.output[d] - 1) * g.stride[d] - 2 * g.padding[d] +
                             g.dilation[d] * (g.kernel[d] - 1) + 1);
  return convolution(in[0], in[1], in[2], spatial_part(g.stride, p.rank),
                     spatial_part(g.padding, p.rank), spatial_part(g.dilation, p.rank),
                     p.transposed, spatial_part(extra, p.rank), g.groups);
}
inline Tensor composed_result(const stage::Linear&, const std::vector<Tensor>& in) {
  return linear(in[0], in[1], in[2]);
}
inline Tensor composed_result(const stage::Sum&, const std::vector<Tensor>& in) {
  return in[0].add(in[1]);
}

template <class C>
Tensor composed_tail(const stage::Pointwise<C>& tail, const Tensor& z,
                     const std::vector<Tensor>& operands) {
  return composed_chain(tail.chain, z, operands);
}
template <class C>
Tensor composed_tail(const stage::MaxPooled<C>& tail, const Tensor& z,
                     const std::vector<Tensor>& operands) {
  const Tensor a = composed_chain(tail.chain, z, operands);
  const DimVector kernel = spatial_part(tail.geometry.kernel, tail.rank);
  return tail.rank == 1   ? max_pool1d(a, kernel)
         : tail.rank == 2 ? max_pool2d(a, kernel)
                          : max_pool3d(a, kernel);
}
template <class C>
Tensor composed_tail(const stage::RowNormed<C>& tail, const Tensor& z,
                     const std::vector<Tensor>& operands) {
  const Tensor a = composed_chain(tail.chain, z, operands);
  const size_t first = size_t(C::num_channel_operands);
  if (!tail.centered) return rms_norm(a, {z.size(1)}, operands[first], tail.eps);
  return group_norm(a, tail.num_groups, operands[first], operands[first + 1], tail.eps);
}
template <class C>
Tensor composed_tail(const stage::Logsumexp<C>& tail, const Tensor& z,
                     const std::vector<Tensor>& operands) {
  return composed_chain(tail.chain, logsumexp(z, 1, true), operands);
}

/// y's dtype. Of a 16-bit x it is Float if Float parameters take part behind the product, as promotion and autocast
/// have it: operands, and for norms and log-sum-exps, which autocast computes in Float, those of the producer, too.
template <class Tail>
ScalarType result_type(const Tail&, const std::vector<Tensor>& inputs,
                       const std::vector<Tensor>& operands) {
  const ScalarType type = inputs[0].dtype();
  const auto any_float = [](const std::vector<Tensor>& list) {
    return std::any_of(list.begin(), list.end(),
                       [](const Tensor& t) { return t.defined() && t.dtype() == kFloat; });
  };
  const bool widens = any_float(operands) || (Tail::is_wide && any_float(inputs));
  return is_reduced_floating(type) && widens ? kFloat : type;
}

/// All of the composed form: z of x's dtype, everything behind it of y's.
template <class Producer, class Tail>
Tensor composed_stage(const Producer& producer, const Tail& tail, std::vector<Tensor> inputs,
                      std::vector<Tensor> operands) {
  const ScalarType type = result_type(tail, inputs, operands);
  for (Tensor& t : inputs)
    if (t.defined()) t = t.to(inputs[0].dtype());
  for (Tensor& t : operands)
    if (t.defined()) t = t.to(type);
  return composed_tail(tail, composed_result(producer, inputs).to(type), operands);
}

/// What a tail makes of a z of these sizes: y, and the statistics that it leaves: those that only
/// backward reads if the op `records`.
struct TailShapes {
  struct Statistic {
    DimVector sizes;
    ScalarType dtype;
    bool wanted = true;
  };
  DimVector y;
  std::vector<Statistic> statistics;
};
template <class C>
TailShapes tail_shapes(const stage::Pointwise<C>&, const DimVector& z, ScalarType, bool) {
  return {z, {}};
}
template <class C>
TailShapes tail_shapes(const stage::MaxPooled<C>& tail, const DimVector& z, ScalarType type,
                       bool records) {
  const DimVector y = spatial_sizes({z[0], z[1]}, tail.geometry.output, tail.rank);
  return {y, {{y, type, records}, {y, stage::WindowIndex::dtype(tail.geometry), records}}};
}
template <class C>
TailShapes tail_shapes(const stage::RowNormed<C>& tail, const DimVector& z, ScalarType type, bool) {
  const DimVector rows{z[0] * tail.num_groups};
  return {z, {{rows, compute_type(type)}, {rows, compute_type(type)}}};
}
template <class C>
TailShapes tail_shapes(const stage::Logsumexp<C>&, const DimVector& z, ScalarType type, bool) {
  return {{z[0], 1}, {{{z[0]}, compute_type(type)}}};
}

}  // namespace detail
}  // namespace fg
