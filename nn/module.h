// Module: the base class of layers and models.
//
// nn/ holds modules (modules/), their options (options/), the functional forms (functional/),
// parameter initialisation (init.h) and the containers. Names, defaults, printed text and the errors
// of registration are those of libtorch; state_dict, hooks and strict loading are Python PyTorch's.
#pragma once

#include <memory>
#include <set>

#include "nn/hooks.h"
#include "tensor/ordered_dict.h"

namespace fg::serialize {
class InputArchive;
class OutputArchive;
}  // namespace fg::serialize

namespace fg::nn {

template <class Contained>
class ModuleHolder;

/// Keys of a loaded state dict that did not match the module's; `mismatched_keys` are there with another shape.
struct IncompatibleKeys {
  std::vector<std::string> missing_keys;
  std::vector<std::string> unexpected_keys;
  std::vector<std::string> mismatched_keys;
};

/// Parameters, buffers and submodules under names. A module inside another is owned by shared_ptr.
class Module : public std::enable_shared_from_this<Module> {
 public:
  using NamedModuleVisitor = std::function<void(const std::string& name, Module& module)>;

  Module();
  explicit Module(std::string name);
  Module(const Module&);
  Module(Module&&) noexcept;
  Module& operator=(const Module&);
  Module& operator=(Module&&) noexcept;
  virtual ~Module();

  /// The name given to the constructor, else the demangled class name.
  const std::string& name() const noexcept;

  /// Calls `function` on this module and then on all below it, depth first. It may take `Module&`,
  /// `const std::shared_ptr<Module>&`, or either of them after a `const std::string&`: the module's
  /// path, beginning with `name_prefix`.
  template <class F>
  void apply(const F& function, const std::string& name_prefix = {});
  template <class F>
  void apply(const F& function, const std::string& name_prefix = {}) const;

  /// Tensors that are registered, each once even if several modules share it, in order of
  /// registration, depth first; names are paths such as "encoder.0.weight".
  std::vector<Tensor> parameters(bool recurse = true) const;
  OrderedDict<std::string, Tensor> named_parameters(bool recurse = true) const;
  std::vector<Tensor> buffers(bool recurse = true) const;
  OrderedDict<std::string, Tensor> named_buffers(bool recurse = true) const;
  /// This module and all below it, each once.
  std::vector<std::shared_ptr<Module>> modules(bool include_self = true) const;
  OrderedDict<std::string, std::shared_ptr<Module>> named_modules(
      const std::string& name_prefix = {}, bool include_self = true) const;
  std::vector<std::shared_ptr<Module>> children() const { return children_.values(); }
  OrderedDict<std::string, std::shared_ptr<Module>> named_children() const { return children_; }

  virtual void train(bool on = true);
  void eval() { train(false); }
  virtual bool is_training() const noexcept { return is_training_; }

  /// Moves or converts parameters and buffers in place; integer tensors keep their dtype.
  virtual void to(Device device, ScalarType dtype, bool non_blocking = false);
  virtual void to(ScalarType dtype, bool non_blocking = false);
  virtual void to(Device device, bool non_blocking = false);
  /// Zeroes the gradients, or drops them.
  virtual void zero_grad(bool set_to_none = false);
  /// Sets requires_grad of every parameter.
  void requires_grad_(bool requires_grad = true);

  /// A deep copy; only for subclasses of Cloneable.
  virtual std::shared_ptr<Module> clone(const optional<Device>& device = nullopt) const;

  /// Parameters and buffers under their paths, parameters before buffers in each module; buffers
  /// registered as not persistent are left out. The tensors share memory with the module, not history.
  OrderedDict<std::string, Tensor> state_dict(const std::string& prefix = {}) const;
  /// Copies values into parameters and buffers. With `strict`, all keys that are missing, unexpected or of another shape
  /// are reported in one error, before anything is copied; without, they are left out and returned (in Python another
  /// shape remains an error).
  IncompatibleKeys load_state_dict(const OrderedDict<std::string, Tensor>& dict,
                                   bool strict = true);

  /// Writes parameters and buffers, then each serializable submodule by its own save(), so that a
  /// subclass may add to it; load() reads them. Throws when something is missing or has another shape.
  virtual void save(serialize::OutputArchive& archive) const;
  virtual void load(serialize::InputArchive& archive);

  /// The module as the class behind a holder or as a class itself; null if it is another one.
  template <class M>
  auto* as() noexcept;
  template <class M>
  const auto* as() const noexcept;

  /// One line without submodules; operator<< adds those.
  virtual void pretty_print(std::ostream& out) const;
  virtual bool is_serializable() const { return true; }

  /// Registers under a name without dots. An undefined tensor takes the name and nothing else.
  Tensor& register_parameter(std::string name, Tensor tensor, bool requires_grad = true);
  /// A tensor that moves with the module but is not trained; `persistent` puts it into state_dict.
  Tensor& register_buffer(std::string name, Tensor tensor, bool persistent = true);
  template <class M>
  std::shared_ptr<M> register_module(std::string name, std::shared_ptr<M> module);
  template <class M>
  std::shared_ptr<M> register_module(std::string name, const ModuleHolder<M>& module);
  /// Like register_module under a name that exists; the caller updates its own member.
  template <class M>
  std::shared_ptr<M> replace_module(const std::string& name, std::shared_ptr<M> module);
  template <class M>
  std::shared_ptr<M> replace_module(const std::string& name, const ModuleHolder<M>& module);
  void unregister_module(const std::string& name);

  /// Hooks run when the module is called through a holder or a container, in order of registration.
  /// A hook may return nothing, a tensor or a vector of tensors; see hooks.h. The handle goes to
  /// remove_hook.
  template <class F>
  unsigned register_forward_pre_hook(F hook);
  template <class F>
  unsigned register_forward_hook(F hook);
  template <class F>
  unsigned register_full_backward_pre_hook(F hook);
  template <class F>
  unsigned register_full_backward_hook(F hook);
  void remove_hook(unsigned handle);
  const ModuleHooks& hooks() const { return hooks_; }
  /// The name under which a parent registered this module, else its class name; see ModuleScope.
  const std::string& scope_name() const { return registered_as_.empty() ? name() : registered_as_; }

  /// Values for trailing arguments of forward() that AnyModule and Sequential fill in: pairs of the
  /// argument's position and its value.
  virtual std::vector<std::pair<unsigned, AnyValue>> forward_defaults() const { return {}; }

 protected:
  OrderedDict<std::string, Tensor> parameters_{"Parameter"};
  OrderedDict<std::string, Tensor> buffers_{"Buffer"};
  OrderedDict<std::string, std::shared_ptr<Module>> children_{"Submodule"};

 private:
  template <class Derived>
  friend class Cloneable;
  friend std::ostream& operator<<(std::ostream& out, const Module& module);

  using TensorDict = OrderedDict<std::string, Tensor>;

  void visit(const std::string& name, const NamedModuleVisitor& visitor);
  TensorDict named_tensors(TensorDict Module::*which, bool recurse) const;
  std::shared_ptr<Module> checked_pointer();
  void convert(const std::function<Tensor(const Tensor&)>& conversion);
  void print_tree(std::ostream& out, const std::string& indentation) const;
  void add_child(std::string name, std::shared_ptr<Module> module);
  void replace_child(const std::string& name, std::shared_ptr<Module> module);
  template <class Hook>
  unsigned add_hook(std::vector<HookEntry<Hook>>& hooks, Hook hook);
  /// Replaces this module by a copy of `other`, which must have the same class.
  virtual void clone_(Module& other, const optional<Device>& device);

  mutable optional<std::string> name_;
  std::string registered_as_;
  std::set<std::string> non_persistent_buffers_;
  ModuleHooks hooks_;
  unsigned next_hook_ = 0;
  bool is_training_ = true;
};

namespace detail {
constexpr const char* bool_text(bool value) { return value ? "true" : "false"; }
std::string printed_name(const std::type_info& impl);
/// "torch::nn::Linear" for fg::nn::LinearImpl: printed text carries libtorch's namespace, since programs
/// compare it.
template <class Impl>
std::string printed_name() {
  return printed_name(typeid(Impl));
}
}  // namespace detail

/// The module and, indented, its submodules, as libtorch prints them.
std::ostream& operator<<(std::ostream& out, const Module& module);

}  // namespace fg::nn

#include "nn/module_inl.h"
