// Sequential: modules called one after the other.
#pragma once

#include "nn/modules/any.h"

namespace fg::nn {

/// Feeds each module's result to the next one. Children are named "0", "1", ... unless named.
class SequentialImpl : public Cloneable<SequentialImpl> {
 public:
  using Iterator = std::vector<AnyModule>::iterator;
  using ConstIterator = std::vector<AnyModule>::const_iterator;

  SequentialImpl() = default;
  template <class... Modules>
  requires(sizeof...(Modules) > 0 &&
           !(std::is_base_of_v<SequentialImpl, std::remove_cvref_t<Modules>> &&
             ...)) explicit SequentialImpl(Modules&&... modules) {
    (push_back(std::forward<Modules>(modules)), ...);
  }
  explicit SequentialImpl(OrderedDict<std::string, AnyModule>&& modules) {
    for (auto& item : modules) push_back(item.key(), item.value());
  }
  explicit SequentialImpl(std::initializer_list<NamedAnyModule> modules) {
    for (const NamedAnyModule& module : modules) push_back(module.name(), module.module());
  }

  std::shared_ptr<Module> clone(const optional<Device>& device = nullopt) const override;
  void reset() override {}
  void pretty_print(std::ostream& out) const override { out << "torch::nn::Sequential"; }

  /// Throws if the last module does not return an R.
  template <class R = Tensor, class... Inputs>
  R forward(Inputs&&... inputs) {
    std::vector<AnyValue> values;
    (values.push_back(AnyValue(std::forward<Inputs>(inputs))), ...);
    AnyValue result = any_forward(std::move(values));
    R* value = result.try_get<R>();
    ENSURE(value, "The type of the return value is ", type_name(result.type_info()),
           ", but you asked for type ", type_name(typeid(R)));
    return std::move(*value);
  }
  AnyValue any_forward(std::vector<AnyValue> values);

  /// A holder, a shared_ptr, a module by value or an AnyModule.
  template <class M>
  void push_back(M&& module) {
    push_back(std::to_string(size()), std::forward<M>(module));
  }
  template <class M>
  void push_back(std::string name, M&& module) {
    if constexpr (std::is_same_v<std::remove_cvref_t<M>, AnyModule>)
      append(std::move(name), module);
    else
      append(std::move(name), AnyModule(std::forward<M>(module)));
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
  requires IsModule<M> M& at(size_t index) const { return module_at(index).get<M>(); }
  std::shared_ptr<Module> ptr(size_t index) const { return module_at(index).ptr(); }
  template <class M>
  requires IsModule<M> std::shared_ptr<M> ptr(size_t index)
  const { return module_at(index).ptr<M>(); }
  std::shared_ptr<Module> operator[](size_t index) const { return ptr(index); }
  size_t size() const noexcept { return modules_.size(); }
  bool is_empty() const noexcept { return modules_.empty(); }

 private:
  void append(std::string name, AnyModule module);
  const AnyModule& module_at(size_t index) const {
    ENSURE(index < size(), "Index out of range");
    return modules_[index];
  }

  std::vector<AnyModule> modules_;
};

class Sequential : public ModuleHolder<SequentialImpl> {
 public:
  using ModuleHolder<SequentialImpl>::ModuleHolder;
  Sequential() = default;
  /// `Sequential({{"conv", Conv2d(1, 8, 3)}, {"relu", ReLU()}})`
  Sequential(std::initializer_list<NamedAnyModule> modules)
      : ModuleHolder(std::make_shared<SequentialImpl>(modules)) {}
};

}  // namespace fg::nn
