// Warnings: what a program should hear about although it goes on. A program that wants to count, log or
// silence them sets a handler.
#pragma once

#include "tensor/error.h"

namespace fg {

/// Receives warnings. This one writes `[W file:line] Warning: text (function name)` to stderr.
class WarningHandler {
 public:
  virtual ~WarningHandler() = default;
  virtual void process(const SourceLocation& place, const std::string& message, bool verbatim);
};

namespace Warning {

/// Hands a warning to the thread's handler.
void warn(const SourceLocation& place, const std::string& message, bool verbatim = false);
/// The handler of this thread; null stands for the one that writes to stderr. Not owned.
void set_warning_handler(WarningHandler* handler) noexcept;
WarningHandler* get_warning_handler() noexcept;
/// Whether what warns once shall warn every time.
void set_warnAlways(bool always) noexcept;
bool get_warnAlways() noexcept;

/// Sets the thread's handler for a scope.
class WarningHandlerGuard {
 public:
  explicit WarningHandlerGuard(WarningHandler* handler) : previous_(get_warning_handler()) {
    set_warning_handler(handler);
  }
  ~WarningHandlerGuard() { set_warning_handler(previous_); }
  WarningHandlerGuard(const WarningHandlerGuard&) = delete;
  WarningHandlerGuard& operator=(const WarningHandlerGuard&) = delete;

 private:
  WarningHandler* previous_;
};

/// set_warnAlways for a scope.
class WarnAlways {
 public:
  explicit WarnAlways(bool setting = true) : previous_(get_warnAlways()) {
    set_warnAlways(setting);
  }
  ~WarnAlways() { set_warnAlways(previous_); }
  WarnAlways(const WarnAlways&) = delete;
  WarnAlways& operator=(const WarnAlways&) = delete;

 private:
  bool previous_;
};

}  // namespace Warning
}  // namespace fg
