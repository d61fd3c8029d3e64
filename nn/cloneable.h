// Cloneable: a Module that can be copied deeply.
#pragma once

#include "autograd/grad_mode.h"
#include "nn/module.h"
#include "tensor/generator.h"

namespace fg::nn {

namespace detail {

/// Puts the CPU's default generator back at the end of a scope: reset() draws values that a clone
/// overwrites, and cloning must not change what a program draws next.
class KeepRandomState {
 public:
  KeepRandomState();
  ~KeepRandomState();
  KeepRandomState(const KeepRandomState&) = delete;
  KeepRandomState& operator=(const KeepRandomState&) = delete;

 private:
  GeneratorState state_;
};

}  // namespace detail

/// Base of a module that can be cloned. `Derived` needs a copy constructor and puts everything that it
/// registers into reset(), which its own constructor calls too: clone() copies the object, lets reset()
/// register fresh tensors and submodules, and copies the values into them.
template <class Derived>
class Cloneable : public Module {
 public:
  using Module::Module;

  /// Registers parameters, buffers and submodules, and initialises them.
  virtual void reset() = 0;

  std::shared_ptr<Module> clone(const optional<Device>& device = nullopt) const override {
    NoGradGuard no_grad;
    detail::KeepRandomState keep_random_state;
    auto copy = std::make_shared<Derived>(static_cast<const Derived&>(*this));
    Module& fresh = *copy;
    fresh.parameters_.clear();
    fresh.buffers_.clear();
    fresh.children_.clear();
    copy->reset();
    check_count(fresh.parameters_.size(), this->parameters_.size(), "parameters",
                "register_parameter()");
    copy_tensors(this->parameters_, fresh.parameters_, device);
    check_count(fresh.buffers_.size(), this->buffers_.size(), "buffers", "register_buffer()");
    copy_tensors(this->buffers_, fresh.buffers_, device);
    check_count(fresh.children_.size(), this->children_.size(), "child modules",
                "register_module()");
    for (const auto& child : this->children_) {
      fresh.children_[child.key()]->clone_(*child.value(), device);
    }
    return copy;
  }

 private:
  static void check_count(size_t fresh, size_t original, const char* what, const char* function) {
    ENSURE(fresh == original, "The cloned module does not have the same number of ", what,
           " as the original module after calling reset(). Are you sure you called ", function,
           " inside reset() and not the constructor?");
  }

  static void copy_tensors(const OrderedDict<std::string, Tensor>& from,
                           OrderedDict<std::string, Tensor>& to, const optional<Device>& device) {
    for (const auto& item : from) {
      if (!item->defined()) continue;
      Tensor& copy = to[item.key()];
      copy.set_data(device ? item->to(TensorOptions(*device), false, /*copy=*/true)
                           : item->detach().clone());
      copy.set_requires_grad(item->requires_grad());
    }
  }

  void clone_(Module& other, const optional<Device>& device) final {
    auto clone = std::dynamic_pointer_cast<Derived>(other.clone(device));
    ENSURE(clone,
           "Attempted to clone submodule, but it is of a different type than the submodule it was "
           "to be cloned into");
    static_cast<Derived&>(*this) = std::move(*clone);
  }
};

}  // namespace fg::nn
