// Function<T>: a custom differentiable op in libtorch's style.
//
//   struct Cube : fg::autograd::Function<Cube> {
//     static Tensor forward(AutogradContext* ctx, const Tensor& x) {
//       ctx->save_for_backward({x});
//       return x * x * x;
//     }
//     static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
//       const Tensor x = ctx->get_saved_variables()[0];
//       return {grads[0] * 3 * x * x};
//     }
//   };
//   Tensor y = Cube::apply(x);
//
// Inside forward nothing is recorded; backward is recorded under create_graph, so it differentiates
// again if it is made of differentiable ops. Arguments that are not tensors count as inputs, too:
// return an undefined tensor for them.
#pragma once

#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "autograd/engine.h"
#include "autograd/record.h"
#include "tensor/ivalue.h"

namespace fg::autograd {

/// What forward hands to backward.
class AutogradContext {
 public:
  /// Values other than tensors, by name.
  std::unordered_map<std::string, IValue> saved_data;

  /// Keeps tensors, inputs or outputs of forward, for get_saved_variables(); once per forward.
  void save_for_backward(variable_list to_save) { to_save_ = std::move(to_save); }
  /// The saved tensors; throws after an in-place change or a second backward.
  variable_list get_saved_variables() const {
    variable_list result;
    for (const Saved& saved : saved_) result.push_back(saved.unpack());
    return result;
  }
  /// Declares inputs that forward changed in place and returns.
  void mark_dirty(const variable_list& inputs) { insert(dirty_, inputs); }
  /// Declares outputs that have no gradient.
  void mark_non_differentiable(const variable_list& outputs) {
    insert(non_differentiable_, outputs);
  }
  /// Whether missing output gradients arrive as zeros (the default) or undefined.
  void set_materialize_grads(bool value) { materialize_grads_ = value; }
  bool needs_input_grad(size_t input) const { return node_ && node_->needs(input); }

 private:
  template <class>
  friend struct FunctionNode;
  template <class>
  friend struct Function;

  static void insert(std::unordered_set<TensorImpl*>& set, const variable_list& tensors) {
    for (const Tensor& t : tensors) set.insert(t.unsafeGetTensorImpl());
  }

  Node* node_ = nullptr;
  std::vector<TensorImpl*> inputs_;  // the tensor arguments, one per edge
  variable_list to_save_;
  std::deque<Saved> saved_;  // never moves its elements, which are registered with the node
  std::unordered_set<TensorImpl*> dirty_;
  std::unordered_set<TensorImpl*> non_differentiable_;
  bool materialize_grads_ = true;
};

namespace detail {
/// Refuses an output declared dirty that cannot get its history.
void check_dirty(const Tensor& output, const TensorImpl* first_input, size_t num_outputs);
}  // namespace detail

template <class T>
struct FunctionNode : Node {
  AutogradContext context;
  std::vector<bool> is_tensor;

  std::string name() const override { return detail_name() + "Backward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    variable_list filled = grads;
    for (size_t i = 0; i < filled.size() && context.materialize_grads_; ++i)
      if (!filled[i].defined()) filled[i] = zeros_for(outputs()[i]);
    variable_list all = T::backward(&context, filled);
    ENSURE(all.size() == is_tensor.size(), "Function: backward of ", detail_name(), " must return ",
           is_tensor.size(), " gradients (one per argument of forward), got ", all.size());
    variable_list result;
    for (size_t i = 0; i < all.size(); ++i) {
      if (is_tensor[i])
        result.push_back(all[i]);
      else
        ENSURE(!all[i].defined(), "Function: backward of ", detail_name(),
               " must return an undefined gradient for argument ", i, ", which is no tensor");
    }
    return result;
  }
  void release_extra() override { context.saved_data.clear(); }

 private:
  static std::string detail_name();
  static Tensor zeros_for(const OutputInfo& info);
};

template <class T>
struct Function {
  /// Runs T::forward(ctx, args...) and records it. Returns what forward returns: a Tensor or a
  /// variable_list.
  template <class... Args>
  static auto apply(Args&&... args) {
    const bool record = needs_recording_any(args...);
    auto node = make_intrusive<FunctionNode<T>>();
    AutogradContext& context = node->context;
    (note_argument(*node, args, record), ...);
    context.node_ = node.get();
    using Result = decltype(T::forward(&context, std::forward<Args>(args)...));
    Result result;
    {
      NoGradGuard guard;
      result = T::forward(&context, std::forward<Args>(args)...);
    }
    if (record) finish(node, result);
    return result;
  }

 private:
  template <class A>
  static bool tensor_requires_grad(const A& arg) {
    if constexpr (std::is_same_v<A, Tensor>)
      return arg.defined() && arg.requires_grad();
    else
      return false;
  }
  template <class... Args>
  static bool needs_recording_any(const Args&... args) {
    return GradMode::is_enabled() && (tensor_requires_grad(args) || ...);
  }
  template <class A>
  static void note_argument(FunctionNode<T>& node, const A& arg, bool record) {
    constexpr bool tensor = std::is_same_v<A, Tensor>;
    node.is_tensor.push_back(tensor);
    if constexpr (tensor) {
      if (!record) return;
      node.add_edge(arg);
      node.context.inputs_.push_back(arg.unsafeGetTensorImpl());
    }
  }

  static void finish(const intrusive_ptr<FunctionNode<T>>& node, Tensor& result) {
    variable_list list{result};
    finish(node, list);
    result = list[0];
  }
  static void finish(const intrusive_ptr<FunctionNode<T>>& node, variable_list& results) {
    AutogradContext& context = node->context;
    for (Tensor& y : results) {
      const bool dirty = context.dirty_.count(y.unsafeGetTensorImpl()) > 0;
      if (!y.defined() || !y.is_floating_point() ||
          context.non_differentiable_.count(y.unsafeGetTensorImpl()) > 0) {
        node->skip_output();
      } else if (dirty) {
        detail::check_dirty(y, context.inputs_.front(), results.size());
        finish_inplace(y, node);
      } else {
        const auto& inputs = context.inputs_;
        const bool is_input =
            std::find(inputs.begin(), inputs.end(), y.unsafeGetTensorImpl()) != inputs.end();
        // An input returned as it is keeps its own history.
        if (is_input || y.requires_grad()) y = untracked_alias(y);
        node->attach(y);
      }
    }
    for (const Tensor& t : context.to_save_) context.saved_.emplace_back(node.get()).save(t);
    context.to_save_.clear();
  }
};

namespace detail {
std::string demangled_class_name(const char* mangled);
Tensor zeros_like_output(const OutputInfo& info);
}  // namespace detail

template <class T>
std::string FunctionNode<T>::detail_name() {
  return detail::demangled_class_name(typeid(T).name());
}
template <class T>
Tensor FunctionNode<T>::zeros_for(const OutputInfo& info) {
  return detail::zeros_like_output(info);
}

}  // namespace fg::autograd
