// Containers that hold modules or parameters and have no forward() of their own, and Functional.
#pragma once

#include "nn/modules/any.h"

namespace fg::nn {

/// A list of modules, registered as "0", "1", ....
class ModuleListImpl : public Cloneable<ModuleListImpl> {
 public:
  using Iterator = std::vector<std::shared_ptr<Module>>::iterator;
  using ConstIterator = std::vector<std::shared_ptr<Module>>::const_iterator;

  ModuleListImpl() = default;
  template <class... Modules>
  requires(sizeof...(Modules) > 0 &&
           !(std::is_base_of_v<ModuleListImpl, std::remove_cvref_t<Modules>> &&
             ...)) explicit ModuleListImpl(Modules&&... modules) {
    (push_back(std::forward<Modules>(modules)), ...);
  }

  std::shared_ptr<Module> clone(const optional<Device>& device = nullopt) const override;
  void reset() override {}
  void pretty_print(std::ostream& out) const override { out << "torch::nn::ModuleList"; }

  /// A holder, a shared_ptr or a module by value.
  template <class M>
  void push_back(M&& module) {
    insert(size(), std::forward<M>(module));
  }
  template <class M>
  void insert(size_t index, M&& module) {
    if constexpr (IsHolder<std::remove_cvref_t<M>>)
      insert_pointer(index, module.ptr());
    else if constexpr (IsModule<M>)
      insert_pointer(index, std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module)));
    else
      insert_pointer(index, std::forward<M>(module));
  }
  template <class Container>
  void extend(const Container& modules) {
    for (const auto& module : modules) push_back(module);
  }

  Iterator begin() { return modules_.begin(); }
  ConstIterator begin() const { return modules_.begin(); }
  Iterator end() { return modules_.end(); }
  ConstIterator end() const { return modules_.end(); }
  template <class M>
  requires IsModule<M> M& at(size_t index) const { return *ptr(index)->as<M>(); }
  std::shared_ptr<Module> ptr(size_t index) const {
    ENSURE(index < size(), "Index out of range");
    return modules_[index];
  }
  template <class M>
  requires IsModule<M> std::shared_ptr<M> ptr(size_t index)
  const { return std::dynamic_pointer_cast<M>(ptr(index)); }
  std::shared_ptr<Module> operator[](size_t index) const { return ptr(index); }
  size_t size() const noexcept { return modules_.size(); }
  bool is_empty() const noexcept { return modules_.empty(); }

 private:
  void insert_pointer(size_t index, std::shared_ptr<Module> module);

  std::vector<std::shared_ptr<Module>> modules_;
};
using ModuleList = ModuleHolder<ModuleListImpl>;

/// Modules under names, in order of insertion.
class ModuleDictImpl : public Cloneable<ModuleDictImpl> {
 public:
  using Dict = OrderedDict<std::string, std::shared_ptr<Module>>;
  using Iterator = Dict::Iterator;
  using ConstIterator = Dict::ConstIterator;
  using Pairs = std::vector<std::pair<std::string, std::shared_ptr<Module>>>;

  ModuleDictImpl() = default;
  explicit ModuleDictImpl(const Pairs& modules) { update(modules); }
  explicit ModuleDictImpl(const Dict& modules) { update(modules); }

  std::shared_ptr<Module> clone(const optional<Device>& device = nullopt) const override;
  void reset() override {}
  void pretty_print(std::ostream& out) const override { out << "torch::nn::ModuleDict"; }

  Pairs items() const { return children_.pairs(); }
  std::vector<std::string> keys() const { return children_.keys(); }
  std::vector<std::shared_ptr<Module>> values() const { return children_.values(); }
  Iterator begin() { return children_.begin(); }
  ConstIterator begin() const { return children_.begin(); }
  Iterator end() { return children_.end(); }
  ConstIterator end() const { return children_.end(); }
  size_t size() const noexcept { return children_.size(); }
  bool empty() const noexcept { return children_.is_empty(); }
  bool contains(const std::string& key) const noexcept { return children_.contains(key); }
  void clear() { children_.clear(); }
  std::shared_ptr<Module> operator[](const std::string& key) const { return children_[key]; }
  template <class M>
  requires IsModule<M> M& at(const std::string& key) const {
    return *children_[key]->template as<M>();
  }
  /// Removes and returns; throws for an unknown key.
  std::shared_ptr<Module> pop(const std::string& key);
  /// Inserts, replacing what has the same key.
  void update(const Pairs& modules) {
    for (const auto& [key, module] : modules) set(key, module);
  }
  template <class Container>
  void update(const Container& modules) {
    for (const auto& item : modules) set(item.key(), item.value());
  }

 private:
  void set(const std::string& key, std::shared_ptr<Module> module);
};
using ModuleDict = ModuleHolder<ModuleDictImpl>;

/// Parameters under names, in order of insertion.
class ParameterDictImpl : public Cloneable<ParameterDictImpl> {
 public:
  using Dict = OrderedDict<std::string, Tensor>;
  using Iterator = Dict::Iterator;
  using ConstIterator = Dict::ConstIterator;

  ParameterDictImpl() = default;
  explicit ParameterDictImpl(const Dict& parameters) { update(parameters); }

  std::shared_ptr<Module> clone(const optional<Device>& device = nullopt) const override;
  void reset() override {}
  void pretty_print(std::ostream& out) const override;

  /// Keeps the tensor's requires_grad; throws if the key exists.
  Tensor& insert(std::string key, const Tensor& parameter) {
    return register_parameter(std::move(key), parameter, parameter.requires_grad());
  }
  Tensor pop(const std::string& key);
  std::vector<std::string> keys() const { return parameters_.keys(); }
  std::vector<Tensor> values() const { return parameters_.values(); }
  Iterator begin() { return parameters_.begin(); }
  ConstIterator begin() const { return parameters_.begin(); }
  Iterator end() { return parameters_.end(); }
  ConstIterator end() const { return parameters_.end(); }
  size_t size() const noexcept { return parameters_.size(); }
  bool empty() const noexcept { return parameters_.is_empty(); }
  void clear() { parameters_.clear(); }
  bool contains(const std::string& key) const noexcept { return parameters_.contains(key); }
  const Tensor& get(const std::string& key) const { return parameters_[key]; }
  Tensor& get(const std::string& key) { return parameters_[key]; }
  Tensor& operator[](const std::string& key) { return parameters_[key]; }
  const Tensor& operator[](const std::string& key) const { return parameters_[key]; }
  /// Inserts, replacing what has the same key.
  template <class Container>
  void update(const Container& parameters) {
    for (const auto& item : parameters) {
      if (Tensor* existing = parameters_.find(item.key()))
        *existing = item.value();
      else
        insert(item.key(), item.value());
    }
  }
};
using ParameterDict = ModuleHolder<ParameterDictImpl>;

/// A list of parameters, registered as "0", "1", ....
class ParameterListImpl : public Cloneable<ParameterListImpl> {
 public:
  using Dict = OrderedDict<std::string, Tensor>;
  using Iterator = Dict::Iterator;
  using ConstIterator = Dict::ConstIterator;

  ParameterListImpl() = default;
  template <class... Tensors>
  requires(sizeof...(Tensors) > 0 && (std::is_convertible_v<Tensors, Tensor> &&
                                      ...)) explicit ParameterListImpl(Tensors&&... parameters) {
    (append(parameters), ...);
  }

  std::shared_ptr<Module> clone(const optional<Device>& device = nullopt) const override;
  void reset() override {}
  void pretty_print(std::ostream& out) const override;

  /// Keeps the tensor's requires_grad.
  void append(const Tensor& parameter) {
    register_parameter(std::to_string(size()), parameter, parameter.requires_grad());
  }
  void append(const Dict::Item& item) { append(item.value()); }
  template <class Container>
  void extend(const Container& parameters) {
    for (const auto& parameter : parameters) append(parameter);
  }
  template <class Container>
  void operator+=(const Container& parameters) {
    extend(parameters);
  }
  Iterator begin() { return parameters_.begin(); }
  ConstIterator begin() const { return parameters_.begin(); }
  Iterator end() { return parameters_.end(); }
  ConstIterator end() const { return parameters_.end(); }
  Tensor& at(size_t index) {
    ENSURE(index < size(), "Index out of range");
    return parameters_[index].value();
  }
  const Tensor& at(size_t index) const { return const_cast<ParameterListImpl*>(this)->at(index); }
  Tensor& operator[](size_t index) { return at(index); }
  const Tensor& operator[](size_t index) const { return at(index); }
  size_t size() const noexcept { return parameters_.size(); }
  bool is_empty() const noexcept { return parameters_.is_empty(); }
};
using ParameterList = ModuleHolder<ParameterListImpl>;

/// A function of one tensor as a module; further arguments are bound: `Functional(fg::elu, 1.0)`.
class FunctionalImpl : public Cloneable<FunctionalImpl> {
 public:
  using Function = std::function<Tensor(Tensor)>;

  explicit FunctionalImpl(Function function) : function_(std::move(function)) {}
  template <class F, class... Args>
  requires(sizeof...(Args) > 0) explicit FunctionalImpl(F function, Args&&... args)
      : function_([function = std::move(function),
                   ... bound = std::decay_t<Args>(std::forward<Args>(args))](Tensor input) mutable {
          return Tensor(function(std::move(input), bound...));
        }) {}

  void reset() override {}
  void pretty_print(std::ostream& out) const override { out << "torch::nn::Functional()"; }
  bool is_serializable() const override { return false; }
  Tensor forward(Tensor input) { return function_(std::move(input)); }
  Tensor operator()(Tensor input) { return forward(std::move(input)); }

 private:
  Function function_;
};
using Functional = ModuleHolder<FunctionalImpl>;

}  // namespace fg::nn
