// Module hooks: their types, their storage, and how a call of a module runs them.
#pragma once

#include <functional>
#include <tuple>
#include <vector>

#include "nn/any_value.h"
#include "tensor/tensor.h"

namespace fg::nn {

class Module;

/// Sees the tensors among the arguments of a call; may return replacements, one for each.
using ForwardPreHook =
    std::function<optional<std::vector<Tensor>>(Module&, const std::vector<Tensor>& inputs)>;
/// Sees the tensors among arguments and results (also inside tuples); may return new results.
using ForwardHook = std::function<optional<std::vector<Tensor>>(
    Module&, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs)>;
/// Sees the gradients of the results before the module's backward; may return replacements.
using BackwardPreHook =
    std::function<optional<std::vector<Tensor>>(Module&, const std::vector<Tensor>& grad_outputs)>;
/// Sees the gradients of arguments and results (undefined where there is none); may return new
/// gradients of the arguments.
using BackwardHook = std::function<optional<std::vector<Tensor>>(
    Module&, const std::vector<Tensor>& grad_inputs, const std::vector<Tensor>& grad_outputs)>;

template <class Hook>
struct HookEntry {
  unsigned handle;
  Hook hook;
};

struct ModuleHooks {
  std::vector<HookEntry<ForwardPreHook>> forward_pre;
  std::vector<HookEntry<ForwardHook>> forward;
  std::vector<HookEntry<BackwardPreHook>> backward_pre;
  std::vector<HookEntry<BackwardHook>> backward;

  bool empty() const {
    return forward_pre.empty() && forward.empty() && backward_pre.empty() && backward.empty();
  }
};

namespace detail {

/// Lets a hook return nothing, one tensor or a list.
template <class F>
auto hook_with_result(F hook) {
  return [hook = std::move(hook)](auto&... args) mutable -> optional<std::vector<Tensor>> {
    using R = decltype(hook(args...));
    if constexpr (std::is_void_v<R>) {
      hook(args...);
      return nullopt;
    } else if constexpr (std::is_same_v<R, Tensor>) {
      Tensor result = hook(args...);
      if (!result.defined()) return nullopt;
      return std::vector<Tensor>{std::move(result)};
    } else {
      return hook(args...);
    }
  };
}

// Calls f on every tensor in `value`.
template <class T, class F>
void for_each_tensor(T&, F&&) {}
template <class F>
void for_each_tensor(Tensor& tensor, F&& f) {
  if (tensor.defined()) f(tensor);
}
template <class F>
void for_each_tensor(AnyValue& value, F&& f) {
  if (Tensor* tensor = value.try_get<Tensor>()) for_each_tensor(*tensor, f);
}
template <class T, class F>
void for_each_tensor(std::vector<T>& values, F&& f) {
  if constexpr (!std::is_same_v<T, bool>) {
    for (T& value : values) for_each_tensor(value, f);
  }
}
template <class... Ts, class F>
void for_each_tensor(std::tuple<Ts...>& values, F&& f) {
  std::apply([&](Ts&... each) { (for_each_tensor(each, f), ...); }, values);
}
template <class A, class B, class F>
void for_each_tensor(std::pair<A, B>& values, F&& f) {
  for_each_tensor(values.first, f);
  for_each_tensor(values.second, f);
}

template <class T>
std::vector<Tensor> collect_tensors(T& value) {
  std::vector<Tensor> tensors;
  for_each_tensor(value, [&](Tensor& tensor) { tensors.push_back(tensor); });
  return tensors;
}
template <class T>
void replace_tensors(T& value, const std::vector<Tensor>& tensors) {
  auto next = tensors.begin();
  for_each_tensor(value, [&](Tensor& tensor) { tensor = *next++; });
}

/// One call of a module that has hooks. `inputs` and `outputs` are replaced by what the hooks return
/// and, for backward hooks, by aliases behind which a node watches the gradients.
class HookedCall {
 public:
  explicit HookedCall(Module& module) : module_(module) {}
  void before(std::vector<Tensor>& inputs);
  void after(std::vector<Tensor>& outputs);

 private:
  struct Gradients;
  Module& module_;
  std::vector<Tensor> inputs_;
  std::shared_ptr<Gradients> gradients_;
};

/// `forward(args...)` between the hooks of `module`.
template <class Forward, class... Args>
auto call_with_hooks(Module& module, Forward&& forward, Args&&... args) {
  std::tuple<std::decay_t<Args>...> arguments(std::forward<Args>(args)...);
  HookedCall call(module);
  std::vector<Tensor> inputs = collect_tensors(arguments);
  call.before(inputs);
  replace_tensors(arguments, inputs);
  auto run = [&] { return std::apply(forward, std::move(arguments)); };
  if constexpr (std::is_void_v<decltype(run())>) {
    run();
  } else {
    auto result = run();
    std::vector<Tensor> outputs = collect_tensors(result);
    call.after(outputs);
    replace_tensors(result, outputs);
    return result;
  }
}

}  // namespace detail
}  // namespace fg::nn
