// Test cases that need a GPU.
#pragma once

#include <string>

/// Whether a GPU can be used. If not, the running test case counts as skipped, and the reason is printed:
/// `if (!require_gpu()) return;` is the first line of a test case that needs one.
bool require_gpu();
/// For a case that needs something else which is not there: counts it as skipped for `reason`.
void skip_case(const std::string& reason);
