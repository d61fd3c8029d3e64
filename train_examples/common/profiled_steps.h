// --profile: what a few training steps spend their time on.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "serialize/profiler.h"

namespace fg::examples {

/// Adds --profile FILE.
void add_profile_flag(CLI::App& app, std::string& path);

/// Records 5 steps after the first 3, prints the table by op and writes the trace to `path`; does nothing when it is
/// empty. Throws fg::Error at once when `path` cannot be written.
class ProfiledSteps {
 public:
  explicit ProfiledSteps(const std::string& path);
  ~ProfiledSteps();
  /// Call after each step.
  void step() {
    if (profile_) profile_->step();
  }

 private:
  bool reported_ = false;
  optional<profiler::Profile> profile_;
};

}  // namespace fg::examples
