// AnyModule: a module of any class, called with argument types that are checked at run time.
#pragma once

#include "nn/pimpl.h"

namespace fg::nn {

namespace detail {

template <class M>
concept ForwardsAnyValues = requires(M& module, std::vector<AnyValue> values) {
  { module.any_forward(std::move(values)) } -> std::same_as<AnyValue>;
};

/// Supplies missing trailing arguments and checks their number.
void complete_arguments(const Module& module, const std::type_info& type, size_t num_parameters,
                        std::vector<AnyValue>& arguments);

template <class Parameter>
std::decay_t<Parameter>&& checked_argument(std::vector<AnyValue>& arguments, size_t index) {
  auto* value = arguments[index].try_get<std::decay_t<Parameter>>();
  ENSURE(value, "Expected argument #", index, " to be of type ", type_name(typeid(Parameter)),
         ", but received value of type ", type_name(arguments[index].type_info()));
  return std::move(*value);
}

template <class M, class Base, class R, class... Parameters>
AnyValue invoke_forward(M& module, std::vector<AnyValue>& arguments, R (Base::*)(Parameters...)) {
  static_assert(!std::is_void_v<R>, "AnyModule cannot store modules that return void");
  static_assert(!((std::is_lvalue_reference_v<Parameters> &&
                   !std::is_const_v<std::remove_reference_t<Parameters>>) ||
                  ...),
                "forward() of a module inside AnyModule must not take non-const references");
  complete_arguments(module, typeid(M), sizeof...(Parameters), arguments);
  return [&]<size_t... I>(std::index_sequence<I...>) {
    return AnyValue(call(module, checked_argument<Parameters>(arguments, I)...));
  }
  (std::index_sequence_for<Parameters...>());
}

/// One instance per module class: what AnyModule remembers of it.
template <class M>
AnyValue invoke_any(Module& module, std::vector<AnyValue>&& arguments) {
  M& typed = static_cast<M&>(module);
  if constexpr (ForwardsAnyValues<M>) {
    ModuleScope scope(typed.scope_name());
    auto forward = [&](std::vector<AnyValue>&& values) {
      return typed.any_forward(std::move(values));
    };
    if (typed.hooks().empty()) return forward(std::move(arguments));
    return call_with_hooks(typed, forward, std::move(arguments));
  } else {
    return invoke_forward(typed, arguments, &M::forward);
  }
}

}  // namespace detail

/// Holds a shared module whose forward() is no template. Arguments must have exactly the parameter
/// types of its forward() (after decay); forward_defaults() may supply trailing ones.
class AnyModule {
 public:
  AnyModule() = default;
  template <class M>
  requires IsModule<M>
  explicit AnyModule(std::shared_ptr<M> module)
      : module_(std::move(module)), type_(&typeid(M)), invoke_(&detail::invoke_any<M>) {}
  template <class M>
  requires IsModule<M>
  explicit AnyModule(M&& module)
      : AnyModule(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))) {}
  template <class M>
  explicit AnyModule(const ModuleHolder<M>& module) : AnyModule(module.ptr()) {}
  template <class M>
  AnyModule& operator=(std::shared_ptr<M> module) {
    return *this = AnyModule(std::move(module));
  }

  AnyModule clone(optional<Device> device = nullopt) const {
    AnyModule copy = *this;
    if (module_) copy.module_ = module_->clone(device);
    return copy;
  }

  template <class... Args>
  AnyValue any_forward(Args&&... args) {
    require("forward");
    std::vector<AnyValue> values;
    values.reserve(sizeof...(Args));
    (values.push_back(to_value(std::forward<Args>(args))), ...);
    return invoke_(*module_, std::move(values));
  }
  AnyValue any_forward(std::vector<AnyValue> values) {
    require("forward");
    return invoke_(*module_, std::move(values));
  }
  template <class R = Tensor, class... Args>
  R forward(Args&&... args) {
    return any_forward(std::forward<Args>(args)...).template get<R>();
  }

  /// The module under its exact class, or as a holder of it.
  template <class T>
  requires IsModule<T> T& get() const {
    require("get");
    check_type<T>();
    return static_cast<T&>(*module_);
  }
  template <class T>
  requires IsHolder<T> T get()
  const { return T(ptr<typename T::ContainedType>()); }
  std::shared_ptr<Module> ptr() const {
    require("ptr");
    return module_;
  }
  template <class T>
  requires IsModule<T> std::shared_ptr<T> ptr()
  const {
    require("ptr");
    check_type<T>();
    return std::static_pointer_cast<T>(module_);
  }
  const std::type_info& type_info() const {
    require("type_info");
    return *type_;
  }
  bool is_empty() const noexcept { return module_ == nullptr; }

 private:
  void require(const char* method) const {
    ENSURE(module_, "Cannot call ", method, "() on an empty AnyModule");
  }
  template <class T>
  void check_type() const {
    ENSURE(typeid(T) == *type_, "Attempted to cast module of type ", type_name(*type_), " to type ",
           type_name(typeid(T)));
  }
  template <class T>
  static AnyValue to_value(T&& value) {
    if constexpr (std::is_same_v<std::decay_t<T>, AnyValue>)
      return std::forward<T>(value);
    else
      return AnyValue(std::forward<T>(value));
  }

  std::shared_ptr<Module> module_;
  const std::type_info* type_ = nullptr;
  AnyValue (*invoke_)(Module&, std::vector<AnyValue>&&) = nullptr;
};

/// An AnyModule with a name, for Sequential's list constructor.
class NamedAnyModule {
 public:
  template <class M>
  NamedAnyModule(std::string name, M&& module)
      : name_(std::move(name)), module_(std::forward<M>(module)) {}
  const std::string& name() const noexcept { return name_; }
  AnyModule& module() noexcept { return module_; }
  const AnyModule& module() const noexcept { return module_; }

 private:
  std::string name_;
  AnyModule module_;
};

}  // namespace fg::nn
