// StepList: gathers what one step changes, then runs it in one multi-tensor call per device.
#pragma once

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "autograd/cast_cache.h"
#include "autograd/node.h"
#include "cuda/capture.h"
#include "optim/optimizer.h"
#include "tensor/kernels/optim.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"

namespace fg::optim::detail {

/// Whether both tensors hold their elements densely, in one order, in one dtype that kernels
/// compute in.
bool can_share_a_loop(const Tensor& param, const Tensor& other);
/// The state tensor, of the parameter's shape; on first use it is made, full of `value`.
const Tensor& state_once(Tensor& state, const Tensor& param, double value = 0);

/// Use with grad mode off.
template <class Update>
class StepList {
 public:
  /// The update of a parameter's `step`-th step, counted from 1.
  using Make = Update (*)(const OptimizerOptions& options, int64_t step);

  /// `lifetime`: of the groups and counters that are added. `found_inf`: as step_unless takes it.
  StepList(const char* optimizer, std::weak_ptr<const void> lifetime, Tensor found_inf)
      : optimizer_(optimizer), lifetime_(std::move(lifetime)), found_inf_(std::move(found_inf)) {}

  /// Adds a parameter with its gradient and state tensors; all of them have one shape. `step` counts its past steps;
  /// without it `make` is always told of step 0.
  void add(const Tensor& param, std::initializer_list<Tensor> states,
           const OptimizerParamGroup& group, int64_t* step, Make make) {
    const Tensor& grad = param.grad();
    ENSURE(grad.sizes() == param.sizes(), optimizer_, ": a gradient must have shape ",
           param.sizes(), " (its parameter's), got ", grad.sizes());
    ParamUpdate<Update> item{param, grad, {}, states.size(), {}};
    std::copy(states.begin(), states.end(), item.states.begin());
    set_update(item, group, step, make);
    if (found_inf_.defined()) {
      ENSURE(param.is_cuda() && param.device() == found_inf_.device(), optimizer_,
             ": parameters of a step that may be skipped must be on the GPU of found_inf, got ",
             param.device());
      item.found_inf = found_inf_.data_ptr<float>();
    }
    bool in_place = can_share_a_loop(param, grad);
    for (const Tensor& state : states) in_place = in_place && can_share_a_loop(param, state);
    if (in_place) {
      written_.push_back(param);
      item.cast = fg::detail::cast_to_refresh(param);
      if (item.cast.defined()) casts_.emplace_back(param, item.cast);
    } else {
      stage(item.param);
      item.grad = dense(grad);
      for (size_t i = 0; i < states.size(); ++i) stage(item.states[i]);
    }
    items_of(param.device()).push_back(std::move(item));
  }

  void run() {
    for (const auto& items : items_) ON_DEVICE(items[0].param, optim_step, items);
    const auto note_writes = [written = written_, casts = casts_] {
      for (const Tensor& tensor : written) finish_inplace(tensor, nullptr);
      for (const auto& [param, cast] : casts) {
        finish_inplace(cast, nullptr);
        fg::detail::mark_cast_current(param);
      }
    };
    note_writes();
    for (const auto& [original, staged] : staged_) original.copy_(staged);
    if constexpr (kHasCuda) {
      // So does each replay.
      if (cuda::Capture* const capture = cuda::current_capture())
        capture->values().add(1, [note_writes, staged = staged_](void*) {
          note_writes();
          for (const auto& item : staged) finish_inplace(item.first, nullptr);
        });
    }
  }

 private:
  /// What makes the updates of some parameters, of one group and with equal counts, before each replay.
  struct Replayed {
    const OptimizerParamGroup* group;
    Make make;
    int64_t past_steps;
    std::vector<int64_t*> steps;
    const Update* update = nullptr;  // in device memory
  };

  void set_update(ParamUpdate<Update>& item, const OptimizerParamGroup& group, int64_t* step,
                  Make make) {
    if constexpr (kHasCuda) {
      if (cuda::Capture* const capture = item.param.is_cuda() ? cuda::current_capture() : nullptr) {
        item.device_update = replayed(*capture, group, step, make);
        return;
      }
    }
    item.update = make(group.options(), step ? ++*step : 0);
  }
  const Update* replayed(cuda::Capture& capture, const OptimizerParamGroup& group, int64_t* step,
                         Make make) {
    const int64_t past_steps = step ? *step : 0;
    for (const auto& known : replayed_) {
      if (known->group != &group || known->make != make || known->past_steps != past_steps)
        continue;
      if (step) known->steps.push_back(step);
      return known->update;
    }
    const auto made = std::make_shared<Replayed>(Replayed{&group, make, past_steps, {}, nullptr});
    if (step) made->steps.push_back(step);
    const auto write = [made, lifetime = lifetime_, optimizer = optimizer_](void* numbers) {
      ENSURE(
          !lifetime.expired(), optimizer,
          ": the optimizer of a captured step must exist as it was then; capture the step again");
      int64_t count = 0;
      for (int64_t* const own : made->steps) count = ++*own;
      new (numbers) Update(made->make(made->group->options(), count));
    };
    made->update = static_cast<const Update*>(capture.values().add(sizeof(Update), write));
    replayed_.push_back(made);
    return made->update;
  }

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
  std::weak_ptr<const void> lifetime_;
  Tensor found_inf_;
  std::vector<std::shared_ptr<Replayed>> replayed_;
  std::vector<std::vector<ParamUpdate<Update>>> items_;  // one list per device
  std::vector<Tensor> written_;
  std::vector<std::pair<Tensor, Tensor>> casts_;   // parameter, its copy in 16 bits
  std::vector<std::pair<Tensor, Tensor>> staged_;  // original, copy
};

}  // namespace fg::optim::detail
