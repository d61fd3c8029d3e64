// The path of modules whose forward() is running on this thread; anomaly mode puts it in its errors, the profiler
// on its timeline.
#pragma once

#include <string>

#include "tensor/profiler.h"

namespace fg {

/// Pushes one module's name for a scope. Costs two thread-local writes and a load; `name` must outlive it.
class ModuleScope {
 public:
  explicit ModuleScope(const std::string& name) : name_(name), parent_(current) {
    current = this;
    if (profiler::detail::records(profiler::detail::kModules)) [[unlikely]]
      range_.begin(profiler::EventKind::module_call, name);
  }
  ~ModuleScope() { current = parent_; }
  ModuleScope(const ModuleScope&) = delete;
  ModuleScope& operator=(const ModuleScope&) = delete;

  /// Names from the outermost module inward, joined by dots; empty outside of any module.
  static std::string path() {
    std::string result;
    for (const ModuleScope* scope = current; scope; scope = scope->parent_) {
      result = result.empty() ? scope->name_ : scope->name_ + "." + result;
    }
    return result;
  }

 private:
  static inline thread_local const ModuleScope* current = nullptr;
  const std::string& name_;
  const ModuleScope* parent_;
  profiler::detail::Range range_;
};

}  // namespace fg
