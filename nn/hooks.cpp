#include "nn/hooks.h"

#include "autograd/node.h"
#include "nn/module.h"

namespace fg::nn::detail {
namespace {

void take_replacement(std::vector<Tensor>& tensors, optional<std::vector<Tensor>> replacement,
                      const Module& module, const char* hook) {
  if (!replacement) return;
  ENSURE(replacement->size() == tensors.size(), hook, ": a hook of ", module.name(),
         " must return ", tensors.size(), " tensors, got ", replacement->size());
  tensors = std::move(*replacement);
}

}  // namespace

/// What the two watching nodes of one call share. Holds the module weakly where it can: a graph that
/// is kept must not keep a module alive, and a module that is gone has no hooks to run.
struct HookedCall::Gradients {
  Gradients(Module& module) : weak(module.weak_from_this()), raw(&module) {}

  Module* module() const {
    // A module on the stack has no owner to ask; it must outlive the graph.
    return owned() && weak.expired() ? nullptr : raw;
  }
  bool owned() const {
    const std::weak_ptr<Module> none;
    return weak.owner_before(none) || none.owner_before(weak);
  }
  void finish(std::vector<Tensor>& grad_inputs) {
    Module* m = module();
    if (!m) return;
    for (auto& entry : m->hooks().backward) {
      take_replacement(grad_inputs, entry.hook(*m, grad_inputs, grad_outputs), *m,
                       "register_full_backward_hook");
    }
  }

  std::weak_ptr<Module> weak;
  Module* raw;
  std::vector<Tensor> grad_outputs;
  bool watches_inputs = false;
};

namespace {

/// Identity on several tensors whose backward shows all their gradients at once.
struct ModuleHookBackward : Node {
  std::function<void(std::vector<Tensor>&)> watch;
  std::string name() const override { return "ModuleHookBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    std::vector<Tensor> result = grads;
    watch(result);
    return result;
  }
};

/// Replaces the tensors by aliases behind one watching node. Returns false if none needs a gradient.
bool watch_gradients(std::vector<Tensor>& tensors,
                     std::function<void(std::vector<Tensor>&)> watch) {
  auto node = make_node<ModuleHookBackward>(tensors);
  if (!node) return false;
  node->watch = std::move(watch);
  for (Tensor& tensor : tensors) {
    Tensor alias = tensor.detach();
    if (is_floating(tensor.dtype()))
      node->attach(alias);
    else
      node->skip_output();
    tensor = alias;
  }
  return true;
}

}  // namespace

void HookedCall::before(std::vector<Tensor>& inputs) {
  const ModuleHooks& hooks = module_.hooks();
  for (auto& entry : hooks.forward_pre) {
    take_replacement(inputs, entry.hook(module_, inputs), module_, "register_forward_pre_hook");
  }
  if (!hooks.backward.empty() || !hooks.backward_pre.empty()) {
    gradients_ = std::make_shared<Gradients>(module_);
    gradients_->watches_inputs = watch_gradients(
        inputs, [gradients = gradients_](std::vector<Tensor>& grads) { gradients->finish(grads); });
  }
  inputs_ = inputs;
}

void HookedCall::after(std::vector<Tensor>& outputs) {
  for (auto& entry : module_.hooks().forward) {
    take_replacement(outputs, entry.hook(module_, inputs_, outputs), module_,
                     "register_forward_hook");
  }
  if (!gradients_) return;
  const size_t num_inputs = inputs_.size();
  watch_gradients(outputs, [gradients = gradients_, num_inputs](std::vector<Tensor>& grads) {
    Module* module = gradients->module();
    if (!module) return;
    for (auto& entry : module->hooks().backward_pre) {
      take_replacement(grads, entry.hook(*module, grads), *module,
                       "register_full_backward_pre_hook");
    }
    gradients->grad_outputs = grads;
    if (!gradients->watches_inputs) {
      std::vector<Tensor> no_grad_inputs(num_inputs);
      gradients->finish(no_grad_inputs);
    }
  });
}

}  // namespace fg::nn::detail
