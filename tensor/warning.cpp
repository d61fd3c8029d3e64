#include "tensor/warning.h"

#include <atomic>
#include <iostream>

namespace fg {
namespace {
WarningHandler to_stderr;
thread_local WarningHandler* current_handler = &to_stderr;
std::atomic<bool> warn_always{false};
}  // namespace

void WarningHandler::process(const SourceLocation& place, const std::string& message,
                             bool /*verbatim*/) {
  std::cerr << str("[W ", place.file, ":", place.line, "] Warning: ", message, " (function ",
                   place.function, ")\n");
}

namespace Warning {

void warn(const SourceLocation& place, const std::string& message, bool verbatim) {
  current_handler->process(place, message, verbatim);
}

void set_warning_handler(WarningHandler* handler) noexcept {
  current_handler = handler ? handler : &to_stderr;
}
WarningHandler* get_warning_handler() noexcept { return current_handler; }
void set_warnAlways(bool always) noexcept { warn_always = always; }
bool get_warnAlways() noexcept { return warn_always; }

}  // namespace Warning
}  // namespace fg
