// ModuleHolder: a module with the semantics of a reference, as in `Linear layer(3, 4)`.
#pragma once

#include "autograd/module_scope.h"
#include "nn/cloneable.h"

namespace fg::nn {

/// Calls module.forward(args...) as a call of the module: inside its ModuleScope and with its hooks.
/// Calling forward() directly runs neither.
template <class M, class... Args>
decltype(auto) call(M& module, Args&&... args) {
  ModuleScope scope(module.scope_name());
  auto forward = [&](auto&&... each) -> decltype(auto) {
    return module.forward(std::forward<decltype(each)>(each)...);
  };
  using R = decltype(forward(std::forward<Args>(args)...));
  if constexpr (std::is_reference_v<R>) {
    return forward(std::forward<Args>(args)...);  // hooks need a result that they can replace
  } else {
    if (module.hooks().empty()) [[likely]]
      return forward(std::forward<Args>(args)...);
    return static_cast<R>(detail::call_with_hooks(module, forward, std::forward<Args>(args)...));
  }
}

/// Shares ownership of a module. Constructor arguments are the module's own; a default-made holder
/// makes a default module, or is empty if the class has no default constructor. `Linear fc = nullptr`
/// makes an empty one. A class `MyNetImpl` gets its holder by `using MyNet = ModuleHolder<MyNetImpl>`.
template <class Contained>
class ModuleHolder {
 public:
  using ContainedType = Contained;
  using Impl = Contained;

  ModuleHolder() {
    if constexpr (std::is_default_constructible_v<Contained>) {
      impl_ = std::make_shared<Contained>();
    }
  }
  ModuleHolder(std::nullptr_t) {}
  ModuleHolder(std::shared_ptr<Contained> module) : impl_(std::move(module)) {}
  template <class Head, class... Tail>
  requires(sizeof...(Tail) > 0 ||
           !(std::is_base_of_v<ModuleHolder, std::remove_cvref_t<Head>> ||
             std::is_convertible_v<
                 Head, std::shared_ptr<Contained>>)) explicit ModuleHolder(Head&& head,
                                                                           Tail&&... tail)
      : impl_(std::make_shared<Contained>(std::forward<Head>(head), std::forward<Tail>(tail)...)) {}

  bool is_empty() const noexcept { return impl_ == nullptr; }
  explicit operator bool() const noexcept { return !is_empty(); }
  Contained* operator->() { return get(); }
  const Contained* operator->() const { return get(); }
  Contained& operator*() { return *get(); }
  const Contained& operator*() const { return *get(); }
  Contained* get() { return ptr().get(); }
  const Contained* get() const { return ptr().get(); }
  const std::shared_ptr<Contained>& ptr() const {
    ENSURE(impl_, "Accessing empty ModuleHolder");
    return impl_;
  }

  /// forward(), with hooks.
  template <class... Args, class M = Contained>
  auto operator()(Args&&... args)
      -> decltype(std::declval<M&>().forward(std::forward<Args>(args)...)) {
    return call(*get(), std::forward<Args>(args)...);
  }
  template <class Index>
  decltype(auto) operator[](Index&& index) {
    return (*get())[std::forward<Index>(index)];
  }

 protected:
  std::shared_ptr<Contained> impl_;
};

template <class Contained>
std::ostream& operator<<(std::ostream& out, const ModuleHolder<Contained>& module) {
  return out << *module;
}

}  // namespace fg::nn
