// What an action throws.
#pragma once

#include <functional>
#include <string>

#include "tensor/error.h"

namespace fg::test {

/// The message of the fg::Error that `body` throws; "no error" where it throws none.
inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace fg::test
