// Gradients sorted for the multi-tensor kernels, for clipping and unscaling.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace fg::optim::detail {

/// The list of tensors on `device`, added if there is none.
std::vector<Tensor>& list_of(std::vector<std::vector<Tensor>>& lists, Device device);
/// The tensors that the multi-tensor kernels take as they are, one list per device; the others go to `rest`.
std::vector<std::vector<Tensor>> by_device(const std::vector<Tensor>& tensors,
                                           std::vector<Tensor>& rest);

}  // namespace fg::optim::detail
