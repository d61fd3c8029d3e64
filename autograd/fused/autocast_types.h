// The dtypes that fused ops have under autocast: those of their plain ops.
#pragma once

#include "autograd/autocast_call.h"
#include "tensor/kernels/op_lists.h"
#include "tensor/kernels/stage.h"

namespace fg::detail {

/// Whether the op that a functor makes is computed in Float on CUDA. (The CPU's lists have no elementwise op.)
template <class F>
inline constexpr bool is_fp32_on_cuda = false;
#define X(op, Functor)                                       \
  template <>                                                \
  inline constexpr bool is_fp32_on_cuda<functors::Functor> = \
      AutocastOp(#op).cuda == CastPolicy::fp32;
FOR_EACH_UNARY(X)
FOR_EACH_ACTIVATION(X)
#undef X
template <>
inline constexpr bool is_fp32_on_cuda<functors::Softplus> = true;
template <>
inline constexpr bool is_fp32_on_cuda<functors::PowScalar> = true;

/// The dtype of a chain's result of an input of `type`.
inline ScalarType autocast_type(const functors::Chain<>&, DeviceType, ScalarType type,
                                const std::vector<Tensor>&, size_t = 0) {
  return type;
}
template <class First, class... Rest>
ScalarType autocast_type(const functors::Chain<First, Rest...>& chain, DeviceType device,
                         ScalarType type, const std::vector<Tensor>& operands, size_t next = 0) {
  if constexpr (functors::takes_channel<First>)
    type = promote_types(type, operands[next++].dtype());
  else if (is_fp32_on_cuda<First> && device == kCUDA)
    type = kFloat;
  return autocast_type(chain.rest, device, type, operands, next);
}

/// The dtype of a tail's result of a z of `type`.
template <class C>
ScalarType autocast_type(const stage::Pointwise<C>& tail, DeviceType device, ScalarType type,
                         const std::vector<Tensor>& operands) {
  return autocast_type(tail.chain, device, type, operands);
}
template <class C>
ScalarType autocast_type(const stage::MaxPooled<C>& tail, DeviceType device, ScalarType type,
                         const std::vector<Tensor>& operands) {
  const bool is_listed = tail.rank == 3 && device == kCPU;
  return is_listed ? kFloat : autocast_type(tail.chain, device, type, operands);
}
template <class C>
ScalarType autocast_type(const stage::RowNormed<C>& tail, DeviceType device, ScalarType type,
                         const std::vector<Tensor>& operands) {
  return device == kCUDA ? kFloat : autocast_type(tail.chain, device, type, operands);
}
template <class C>
ScalarType autocast_type(const stage::Logsumexp<C>& tail, DeviceType device, ScalarType type,
                         const std::vector<Tensor>& operands) {
  return autocast_type(tail.chain, device, device == kCUDA ? kFloat : type, operands);
}

/// Whether autocast has a say in an op that computes in x's dtype.
inline bool is_autocast(const Tensor& x) {
  return autocast::is_enabled(x.device().type()) && x.is_floating_point() && x.dtype() != kDouble;
}

}  // namespace fg::detail
