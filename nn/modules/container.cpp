#include "nn/modules/container.h"

#include "nn/modules/sequential.h"

namespace fg::nn {
namespace {

void print_parameters(std::ostream& out, const char* name,
                      const OrderedDict<std::string, Tensor>& parameters) {
  out << name << "(\n";
  for (const auto& item : parameters) {
    out << '(' << item.key() << "): Parameter containing: [" << item->scalar_type() << " of size "
        << item->sizes() << "]\n";
  }
  out << ')';
}

Tensor copied_parameter(const Tensor& parameter, const optional<Device>& device) {
  Tensor copy = parameter.detach();
  copy = device ? copy.to(TensorOptions(*device), false, /*copy=*/true) : copy.clone();
  copy.set_requires_grad(parameter.requires_grad());
  return copy;
}

}  // namespace

AnyValue SequentialImpl::any_forward(std::vector<AnyValue> values) {
  ENSURE(!is_empty(), "Cannot call forward() on an empty Sequential");
  AnyValue value = modules_.front().any_forward(std::move(values));
  for (size_t i = 1; i < modules_.size(); ++i) value = modules_[i].any_forward(std::move(value));
  return value;
}

void SequentialImpl::append(std::string name, AnyModule module) {
  register_module(std::move(name), module.ptr());
  modules_.push_back(std::move(module));
}

std::shared_ptr<Module> SequentialImpl::clone(const optional<Device>& device) const {
  auto copy = std::make_shared<SequentialImpl>(*this);
  copy->children_.clear();
  copy->modules_.clear();
  for (size_t i = 0; i < size(); ++i) {
    copy->push_back(children_[i].key(), modules_[i].clone(device));
  }
  return copy;
}

void ModuleListImpl::insert_pointer(size_t index, std::shared_ptr<Module> module) {
  ENSURE(index <= size(), "Index out of range");
  modules_.insert(modules_.begin() + ptrdiff_t(index), module);
  register_module(std::to_string(size() - 1), modules_.back());
  for (; index + 1 < size(); ++index) replace_module(std::to_string(index), modules_[index]);
}

std::shared_ptr<Module> ModuleListImpl::clone(const optional<Device>& device) const {
  auto copy = std::make_shared<ModuleListImpl>(*this);
  copy->children_.clear();
  copy->modules_.clear();
  for (const auto& module : modules_) copy->push_back(module->clone(device));
  return copy;
}

std::shared_ptr<Module> ModuleDictImpl::clone(const optional<Device>& device) const {
  auto copy = std::make_shared<ModuleDictImpl>(*this);
  copy->children_.clear();
  for (const auto& item : children_) copy->set(item.key(), item.value()->clone(device));
  return copy;
}

std::shared_ptr<Module> ModuleDictImpl::pop(const std::string& key) {
  std::shared_ptr<Module> module = children_[key];
  unregister_module(key);
  return module;
}

void ModuleDictImpl::set(const std::string& key, std::shared_ptr<Module> module) {
  if (contains(key))
    replace_module(key, std::move(module));
  else
    register_module(key, std::move(module));
}

std::shared_ptr<Module> ParameterDictImpl::clone(const optional<Device>& device) const {
  auto copy = std::make_shared<ParameterDictImpl>(*this);
  copy->parameters_.clear();
  for (const auto& item : parameters_) copy->insert(item.key(), copied_parameter(*item, device));
  return copy;
}

void ParameterDictImpl::pretty_print(std::ostream& out) const {
  print_parameters(out, "torch::nn::ParameterDict", parameters_);
}

Tensor ParameterDictImpl::pop(const std::string& key) {
  Tensor parameter = parameters_[key];
  parameters_.erase(key);
  return parameter;
}

std::shared_ptr<Module> ParameterListImpl::clone(const optional<Device>& device) const {
  auto copy = std::make_shared<ParameterListImpl>(*this);
  copy->parameters_.clear();
  for (const auto& item : parameters_) copy->append(copied_parameter(*item, device));
  return copy;
}

void ParameterListImpl::pretty_print(std::ostream& out) const {
  print_parameters(out, "torch::nn::ParameterList", parameters_);
}

}  // namespace fg::nn
