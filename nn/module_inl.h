// The templates of Module; included by module.h.
#pragma once

namespace fg::nn {

template <class T>
concept IsModule = std::is_base_of_v<Module, std::remove_cvref_t<T>>;
template <class T>
concept IsHolder = requires {
  typename T::ContainedType;
};

template <class M>
auto* Module::as() noexcept {
  if constexpr (IsHolder<M>)
    return dynamic_cast<typename M::ContainedType*>(this);
  else
    return dynamic_cast<M*>(this);
}
template <class M>
const auto* Module::as() const noexcept {
  return static_cast<const std::remove_pointer_t<decltype(const_cast<Module*>(this)->as<M>())>*>(
      const_cast<Module*>(this)->as<M>());
}

template <class F>
void Module::apply(const F& function, const std::string& name_prefix) {
  visit(name_prefix, [&](const std::string& path, Module& module) {
    if constexpr (std::is_invocable_v<const F&, Module&>)
      function(module);
    else if constexpr (std::is_invocable_v<const F&, const std::string&, Module&>)
      function(path, module);
    else if constexpr (std::is_invocable_v<const F&, std::shared_ptr<Module>>)
      function(module.checked_pointer());
    else
      function(path, module.checked_pointer());
  });
}
template <class F>
void Module::apply(const F& function, const std::string& name_prefix) const {
  const_cast<Module*>(this)->visit(name_prefix, [&](const std::string& path, Module& module) {
    const Module& seen = module;
    if constexpr (std::is_invocable_v<const F&, const Module&>)
      function(seen);
    else if constexpr (std::is_invocable_v<const F&, const std::string&, const Module&>)
      function(path, seen);
    else if constexpr (std::is_invocable_v<const F&, std::shared_ptr<Module>>)
      function(module.checked_pointer());
    else
      function(path, module.checked_pointer());
  });
}

template <class M>
std::shared_ptr<M> Module::register_module(std::string name, std::shared_ptr<M> module) {
  add_child(std::move(name), module);
  return module;
}
template <class M>
std::shared_ptr<M> Module::register_module(std::string name, const ModuleHolder<M>& module) {
  return register_module(std::move(name), module.ptr());
}
template <class M>
std::shared_ptr<M> Module::replace_module(const std::string& name, std::shared_ptr<M> module) {
  replace_child(name, module);
  return module;
}
template <class M>
std::shared_ptr<M> Module::replace_module(const std::string& name, const ModuleHolder<M>& module) {
  return replace_module(name, module.ptr());
}

template <class Hook>
unsigned Module::add_hook(std::vector<HookEntry<Hook>>& hooks, Hook hook) {
  hooks.push_back({next_hook_, std::move(hook)});
  return next_hook_++;
}
template <class F>
unsigned Module::register_forward_pre_hook(F hook) {
  return add_hook<ForwardPreHook>(hooks_.forward_pre, detail::hook_with_result(std::move(hook)));
}
template <class F>
unsigned Module::register_forward_hook(F hook) {
  return add_hook<ForwardHook>(hooks_.forward, detail::hook_with_result(std::move(hook)));
}
template <class F>
unsigned Module::register_full_backward_pre_hook(F hook) {
  return add_hook<BackwardPreHook>(hooks_.backward_pre, detail::hook_with_result(std::move(hook)));
}
template <class F>
unsigned Module::register_full_backward_hook(F hook) {
  return add_hook<BackwardHook>(hooks_.backward, detail::hook_with_result(std::move(hook)));
}

}  // namespace fg::nn
