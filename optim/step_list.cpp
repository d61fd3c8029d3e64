#include "optim/step_list.h"

#include "tensor/factories.h"
#include "tensor/kernels/capture.h"
#include "tensor/shape.h"

namespace fg::optim::detail {

bool can_share_a_loop(const Tensor& param, const Tensor& other) {
  const ScalarType dtype = param.scalar_type();
  return dtype == kernel_type(param) && other.scalar_type() == dtype &&
         other.device() == param.device() && other.strides() == param.strides() &&
         is_non_overlapping_and_dense(param);
}

const Tensor& state_once(Tensor& state, const Tensor& param, double value) {
  if (state.defined()) return state;
  if constexpr (kHasCuda) {
    if (param.is_cuda())
      cuda::refuse_in_capture("step",
                              "the optimizer's state would start anew at every replay: take "
                              "a step before",
                              param.device().index());
  }
  return state = full_like(param, value);
}

}  // namespace fg::optim::detail
