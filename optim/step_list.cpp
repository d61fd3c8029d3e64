#include "optim/step_list.h"

#include "tensor/factories.h"
#include "tensor/shape.h"

namespace fg::optim::detail {

bool can_share_a_loop(const Tensor& param, const Tensor& other) {
  const ScalarType dtype = param.scalar_type();
  return dtype == kernel_type(param) && other.scalar_type() == dtype &&
         other.device() == param.device() && other.strides() == param.strides() &&
         is_non_overlapping_and_dense(param);
}

const Tensor& zeros_once(Tensor& state, const Tensor& param) {
  if (!state.defined()) state = zeros_like(param);
  return state;
}

}  // namespace fg::optim::detail
