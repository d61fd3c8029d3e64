#include "optim/gradient_lists.h"

#include <algorithm>

#include "tensor/on_device.h"
#include "tensor/shape.h"

namespace fg::optim::detail {
namespace {

bool is_plain(const Tensor& tensor) {
  return tensor.is_floating_point() && tensor.dtype() == kernel_type(tensor) &&
         is_non_overlapping_and_dense(tensor);
}

}  // namespace

std::vector<Tensor>& list_of(std::vector<std::vector<Tensor>>& lists, Device device) {
  const auto found = std::find_if(lists.begin(), lists.end(),
                                  [&](const auto& list) { return list[0].device() == device; });
  return found == lists.end() ? lists.emplace_back() : *found;
}

std::vector<std::vector<Tensor>> by_device(const std::vector<Tensor>& tensors,
                                           std::vector<Tensor>& rest) {
  std::vector<std::vector<Tensor>> lists;
  for (const Tensor& tensor : tensors) {
    if (is_plain(tensor))
      list_of(lists, tensor.device()).push_back(tensor);
    else
      rest.push_back(tensor);
  }
  return lists;
}

}  // namespace fg::optim::detail
