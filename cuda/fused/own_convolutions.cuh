// Convolutions with kernels of our own that have the tail inside them, for the shapes that those take.
#pragma once

#include "cuda/fused/conv3d_forward.h"
#include "cuda/fused/conv3d_weight_grad.h"
#include "cuda/fused/conv_transpose3d_pool.h"
#include "cuda/fused/stage_producers.cuh"
#include "tensor/kernels/builtin_stages.h"

namespace fg::cuda {

/// Whether conv3d_chain_forward and conv3d_chain_weight_grad are instantiated for a chain, in the files of their names.
template <class C>
inline constexpr bool has_conv3d_kernels = false;
template <>
inline constexpr bool has_conv3d_kernels<functors::Conv3dTail> = true;
template <>
inline constexpr bool has_conv3d_kernels<functors::ReluChain> = true;
/// The same for conv_transpose3d_chain_pool_forward and its backward.
template <class C>
inline constexpr bool has_conv_transpose3d_pool_kernels = false;
template <>
inline constexpr bool has_conv_transpose3d_pool_kernels<functors::ConvTranspose3dTail> = true;

namespace stage_detail {

/// Forward as one kernel, where there is one; else nothing is done.
template <class Producer, class Tail>
bool forward_in_one(const StageTensors&, const Producer&, const Tail&) {
  return false;
}
template <class C>
bool forward_in_one(const StageTensors& t, const stage::Conv& p, const stage::Pointwise<C>& tail) {
  if constexpr (has_conv3d_kernels<C>) {
    if (p.transposed || t.y.numel() == 0 || !conv3d_forward_takes(p.geometry, t.inputs[0].dtype()))
      return false;
    conv3d_chain_forward(t.y, t.z, t.inputs[0], t.inputs[1], t.inputs[2], t.operands, p.geometry,
                         tail.chain);
    return true;
  }
  return false;
}
template <class C>
bool forward_in_one(const StageTensors& t, const stage::Conv& p, const stage::MaxPooled<C>& tail) {
  if constexpr (has_conv_transpose3d_pool_kernels<C>) {
    if (!p.transposed || t.y.numel() == 0 ||
        !conv_transpose3d_chain_pool_takes(p.geometry, tail.geometry, t.inputs[0].dtype()))
      return false;
    conv_transpose3d_chain_pool_forward(t.y, t.statistics[0], t.statistics[1], t.inputs[0],
                                        t.inputs[1], t.inputs[2], t.operands, p.geometry,
                                        tail.geometry, tail.chain);
    return true;
  }
  return false;
}

/// The gradients of all but x without one of z in memory, where there is a kernel for that; else nothing is done.
template <class Producer, class Tail>
bool backward_in_one(const StageTensors&, const Producer&, const Tail&) {
  return false;
}
template <class C>
bool backward_in_one(const StageTensors& t, const stage::Conv& p, const stage::Pointwise<C>& tail) {
  if constexpr (has_conv3d_kernels<C>) {
    if (p.transposed || t.grad_inputs[0].defined() || t.grad_y.numel() == 0 ||
        !conv3d_weight_grad_takes(p.geometry, t.inputs[0].dtype()))
      return false;
    conv3d_chain_weight_grad(t.grad_inputs[1], t.grad_inputs[2], t.grad_operands, t.grad_y, t.z,
                             t.inputs[0], t.operands, p.geometry, tail.chain);
    return true;
  }
  return false;
}
template <class C>
bool backward_in_one(const StageTensors& t, const stage::Conv& p, const stage::MaxPooled<C>& tail) {
  if constexpr (has_conv_transpose3d_pool_kernels<C>) {
    if (!p.transposed || t.grad_inputs[0].defined() || t.grad_y.numel() == 0 ||
        !conv_transpose3d_chain_pool_takes(p.geometry, tail.geometry, t.inputs[0].dtype()))
      return false;
    conv_transpose3d_chain_pool_backward(t.grad_inputs[1], t.grad_inputs[2], t.grad_operands,
                                         t.grad_y, t.statistics[0], t.statistics[1], t.inputs[0],
                                         t.operands, p.geometry, tail.geometry, tail.chain);
    return true;
  }
  return false;
}

}  // namespace stage_detail
}  // namespace fg::cuda
