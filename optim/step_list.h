// StepList: gathers what one step changes, then runs it in one multi-tensor call per device.
#pragma once

#include <initializer_list>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "tensor/kernels/optim.h"
#include "tensor/on_device.h"

namespace fg::optim::detail {

/// Whether both tensors hold their elements densely, in one order, in one dtype that kernels
/// compute in.
bool can_share_a_loop(const Tensor& param, const Tensor& other);
/// The state tensor, made of zeros of the parameter's shape on first use.
const Tensor& zeros_once(Tensor& state, const Tensor& param);

/// Use with grad mode off.
template <class Update>
class StepList {
 public:
  explicit StepList(const char* optimizer) : optimizer_(optimizer) {}

  /// Adds a parameter with its gradient and state tensors; all of them have one shape.
  void add(const Tensor& param, std::initializer_list<Tensor> states, const Update& update) {
    const Tensor& grad = param.grad();
    ENSURE(grad.sizes() == param.sizes(), optimizer_, ": a gradient must have shape ",
           param.sizes(), " (its parameter's), got ", grad.sizes());
    ParamUpdate<Update> item{param, grad, {}, states.size(), update};
    std::copy(states.begin(), states.end(), item.states.begin());
    bool in_place = can_share_a_loop(param, grad);
    for (const Tensor& state : states) in_place = in_place && can_share_a_loop(param, state);
    if (in_place) {
      written_.push_back(param);
    } else {
      stage(item.param);
      item.grad = dense(grad);
      for (size_t i = 0; i < states.size(); ++i) stage(item.states[i]);
    }
    items_of(param.device()).push_back(std::move(item));
  }

  void run() {
    for (const auto& items : items_) ON_DEVICE(items[0].param, optim_step, items);
    for (const Tensor& param : written_) finish_inplace(param, nullptr);
    for (const auto& [original, staged] : staged_) original.copy_(staged);
  }

 private:
  static Tensor dense(const Tensor& tensor) {
    const Tensor same_dtype = tensor.detach().to(compute_type(tensor.scalar_type()));
    return same_dtype.contiguous();
  }
  /// Replaces a tensor by a copy that a kernel can work on, to be copied back.
  void stage(Tensor& tensor) {
    const Tensor original = tensor;
    tensor = dense(tensor);
    if (tensor.data_ptr() == original.data_ptr())
      written_.push_back(original);
    else
      staged_.emplace_back(original, tensor);
  }
  std::vector<ParamUpdate<Update>>& items_of(Device device) {
    for (auto& items : items_)
      if (items[0].param.device() == device) return items;
    return items_.emplace_back();
  }

  const char* optimizer_;
  std::vector<std::vector<ParamUpdate<Update>>> items_;  // one list per device
  std::vector<Tensor> written_;
  std::vector<std::pair<Tensor, Tensor>> staged_;  // original, copy
};

}  // namespace fg::optim::detail
