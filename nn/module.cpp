#include "nn/module.h"

#include <cstdlib>

#include <cxxabi.h>

#include "autograd/grad_mode.h"
#include "nn/cloneable.h"

namespace fg::nn {
namespace {

void check_name(const char* kind, const std::string& name) {
  ENSURE(!name.empty(), kind, " name must not be empty");
  ENSURE(name.find('.') == std::string::npos, kind, " name must not contain a dot (got '", name,
         "')");
}

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

}  // namespace

std::string type_name(const std::type_info& type) {
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  std::string text = status == 0 ? name.get() : type.name();
  // What everybody calls fg::Tensor has the version between to the compiler.
  static const std::string version =
      str("v", FUSEGRAD_VERSION_MAJOR, "_", FUSEGRAD_VERSION_MINOR, "::");
  for (size_t at; (at = text.find(version)) != std::string::npos;) text.erase(at, version.size());
  return text;
}

std::string detail::printed_name(const std::type_info& impl) {
  std::string name = type_name(impl);
  if (const size_t colon = name.rfind(':'); colon != std::string::npos) name.erase(0, colon + 1);
  if (name.ends_with("Impl")) name.resize(name.size() - 4);
  return "torch::nn::" + name;
}

detail::KeepRandomState::KeepRandomState() {
  const std::lock_guard lock(default_generator().mutex());
  state_ = default_generator().state();
}

detail::KeepRandomState::~KeepRandomState() {
  const std::lock_guard lock(default_generator().mutex());
  default_generator().state() = state_;
}

Module::Module() = default;
Module::Module(std::string name) : name_(std::move(name)) {}
Module::Module(const Module&) = default;
Module::Module(Module&&) noexcept = default;
Module& Module::operator=(const Module&) = default;
Module& Module::operator=(Module&&) noexcept = default;
Module::~Module() = default;

const std::string& Module::name() const noexcept {
  if (!name_) name_ = type_name(typeid(*this));
  return *name_;
}

void Module::visit(const std::string& name, const NamedModuleVisitor& visitor) {
  visitor(name, *this);
  for (auto& child : children_) child.value()->visit(join(name, child.key()), visitor);
}

std::shared_ptr<Module> Module::checked_pointer() {
  std::shared_ptr<Module> pointer = weak_from_this().lock();
  ENSURE(
      pointer,
      "It looks like you attempted to retrieve your top-level module as a shared_ptr, but it is "
      "not stored in a shared_ptr. Use std::make_shared<",
      name(),
      "> instead of creating your module on the stack, or alternatively do not try to access your "
      "top-level module at all by passing /*include_self=*/false to modules() or named_modules()");
  return pointer;
}

OrderedDict<std::string, Tensor> Module::named_tensors(TensorDict Module::*which,
                                                       bool recurse) const {
  OrderedDict<std::string, Tensor> result((this->*which).key_description());
  std::set<const TensorImpl*> seen;
  const_cast<Module*>(this)->visit({}, [&](const std::string& path, Module& module) {
    if (!recurse && &module != this) return;
    for (auto& item : module.*which) {
      if (item->defined() && seen.insert(&item->impl()).second) {
        result.insert(join(path, item.key()), item.value());
      }
    }
  });
  return result;
}

OrderedDict<std::string, Tensor> Module::named_parameters(bool recurse) const {
  return named_tensors(&Module::parameters_, recurse);
}

OrderedDict<std::string, Tensor> Module::named_buffers(bool recurse) const {
  return named_tensors(&Module::buffers_, recurse);
}

std::vector<Tensor> Module::parameters(bool recurse) const {
  return named_parameters(recurse).values();
}

std::vector<Tensor> Module::buffers(bool recurse) const { return named_buffers(recurse).values(); }

OrderedDict<std::string, std::shared_ptr<Module>> Module::named_modules(
    const std::string& name_prefix, bool include_self) const {
  OrderedDict<std::string, std::shared_ptr<Module>> result("Module");
  std::set<const Module*> seen;
  const_cast<Module*>(this)->visit(name_prefix, [&](const std::string& path, Module& module) {
    if ((&module == this && !include_self) || !seen.insert(&module).second) return;
    result.insert(path, module.checked_pointer());
  });
  return result;
}

std::vector<std::shared_ptr<Module>> Module::modules(bool include_self) const {
  return named_modules({}, include_self).values();
}

void Module::train(bool on) {
  for (auto& child : children_) child.value()->train(on);
  is_training_ = on;
}

void Module::convert(const std::function<Tensor(const Tensor&)>& conversion) {
  NoGradGuard no_grad;
  for (auto* tensors : {&parameters_, &buffers_}) {
    for (auto& item : *tensors) {
      if (item->defined()) item->set_data(conversion(*item));
    }
  }
}

void Module::to(Device device, ScalarType dtype, bool non_blocking) {
  for (auto& child : children_) child.value()->to(device, dtype, non_blocking);
  convert([&](const Tensor& t) {
    return t.to(device, t.is_floating_point() ? dtype : t.dtype(), non_blocking);
  });
}

void Module::to(ScalarType dtype, bool non_blocking) {
  for (auto& child : children_) child.value()->to(dtype, non_blocking);
  convert([&](const Tensor& t) { return t.is_floating_point() ? t.to(dtype, non_blocking) : t; });
}

void Module::to(Device device, bool non_blocking) {
  for (auto& child : children_) child.value()->to(device, non_blocking);
  convert([&](const Tensor& t) { return t.to(TensorOptions(device), non_blocking); });
}

void Module::zero_grad(bool set_to_none) {
  for (auto& child : children_) child.value()->zero_grad(set_to_none);
  for (auto& parameter : parameters_) {
    if (!parameter->defined() || !parameter->grad().defined()) continue;
    if (set_to_none) {
      parameter->mutable_grad().reset();
    } else {
      Tensor grad = parameter->grad().detach();
      grad.zero_();
      parameter->mutable_grad() = grad;
    }
  }
}

void Module::requires_grad_(bool requires_grad) {
  for (const Tensor& parameter : parameters()) parameter.set_requires_grad(requires_grad);
}

std::shared_ptr<Module> Module::clone(const optional<Device>&) const {
  fg::detail::fail(str("clone() has not been implemented for ", name(),
                       ". Subclass torch::nn::Cloneable<", name(),
                       "> instead of torch::nn::Module to inherit the ability to clone."));
}

void Module::clone_(Module&, const optional<Device>&) {}

void Module::pretty_print(std::ostream& out) const { out << name(); }

void Module::print_tree(std::ostream& out, const std::string& indentation) const {
  pretty_print(out);
  if (children_.is_empty()) return;
  const std::string inner = indentation + "  ";
  out << "(\n";
  for (const auto& child : children_) {
    out << inner << '(' << child.key() << "): ";
    child.value()->print_tree(out, inner);
    out << '\n';
  }
  out << indentation << ')';
}

std::ostream& operator<<(std::ostream& out, const Module& module) {
  module.print_tree(out, "");
  return out;
}

Tensor& Module::register_parameter(std::string name, Tensor tensor, bool requires_grad) {
  check_name("Parameter", name);
  if (tensor.defined()) tensor.set_requires_grad(requires_grad);
  return parameters_.insert(std::move(name), std::move(tensor));
}

Tensor& Module::register_buffer(std::string name, Tensor tensor, bool persistent) {
  check_name("Buffer", name);
  if (!persistent) non_persistent_buffers_.insert(name);
  return buffers_.insert(std::move(name), std::move(tensor));
}

void Module::add_child(std::string name, std::shared_ptr<Module> module) {
  check_name("Submodule", name);
  ENSURE(module, "register_module: module must not be null (got a null pointer for '", name, "')");
  module->registered_as_ = name;
  children_.insert(std::move(name), std::move(module));
}

void Module::replace_child(const std::string& name, std::shared_ptr<Module> module) {
  ENSURE(module, "replace_module: module must not be null (got a null pointer for '", name, "')");
  module->registered_as_ = name;
  children_[name] = std::move(module);
}

void Module::unregister_module(const std::string& name) {
  ENSURE(children_.contains(name), "No Module with name `", name, "` is registered");
  children_.erase(name);
}

void Module::remove_hook(unsigned handle) {
  auto remove_from = [&](auto& hooks) {
    std::erase_if(hooks, [&](const auto& entry) { return entry.handle == handle; });
  };
  remove_from(hooks_.forward_pre);
  remove_from(hooks_.forward);
  remove_from(hooks_.backward_pre);
  remove_from(hooks_.backward);
}

}  // namespace fg::nn
