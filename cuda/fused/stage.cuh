// Fused stages on the GPU (tensor/kernels/stage.h): producers by the launchers that there are, tails by one kernel each,
// templates over the chain. A file that instantiates the launchers includes the tail that it needs:
//   pointwise_tail.cuh    y = chain(z)                       backward sums the gradients of operands and bias on the way
//   pooled_tail.cuh       chain and pool in one kernel       saves z at the maxima and their numbers instead of z
//   row_normed_tail.cuh   chain and norm in one kernel       backward computes the chain again
//   logsumexp_tail.cuh    maximum and sum in one reading     backward writes softmax times gradient
// A tail is two overloads in stage_detail: tail_forward(t, z, tail) and tail_backward(t, grad_z, z, grad_bias, tail),
// which returns whether it has written `grad_bias`, the sum of grad_z over all but the channels. Convolutions for which
// there is a kernel with the tail inside take that (own_convolutions.cuh).
// 16-bit z is rounded once; everything behind it is computed in float. Deterministic, but for cuDNN's gradients.
#pragma once

#include "cuda/fused/own_convolutions.cuh"
#include "cuda/fused/stage_producers.cuh"

namespace fg::cuda {

template <class Producer, class Tail>
void stage_forward(const StageTensors& t, const Producer& producer, const Tail& tail) {
  if (stage_detail::forward_in_one(t, producer, tail)) return;
  const Tensor z = t.z.defined() ? t.z : stage_detail::result_memory(t, producer, t.y);
  stage_detail::produce(z, t, producer);
  stage_detail::tail_forward(t, z, tail);
}

template <class Producer, class Tail>
void stage_backward(const StageTensors& t, const Producer& producer, const Tail& tail) {
  if (stage_detail::backward_in_one(t, producer, tail)) return;
  Tensor z = t.z;
  if (Tail::reads_result && !z.defined()) {
    z = stage_detail::result_memory(t, producer, t.grad_y);
    stage_detail::produce(z, t, producer);
  }
  const Tensor grad_z = stage_detail::grad_z_for(t, z, producer);
  const Tensor grad_bias = t.grad_inputs.size() > 2 ? t.grad_inputs[2] : Tensor();
  const bool bias_done = stage_detail::tail_backward(t, grad_z, z, grad_bias, tail);
  stage_detail::produce_backward(t, grad_z, bias_done, producer);
}

}  // namespace fg::cuda
