// FUSEGRAD_ARG: one named argument of an Options struct, as libtorch's TORCH_ARG declares it.
#pragma once

#include <utility>

/// Declares the private field `name_` with the accessors `name()` and the setter `name(value)`,
/// which returns the options object so that setters chain. A default follows: `FUSEGRAD_ARG(bool,
/// bias) = true;`
#define FUSEGRAD_ARG(T, name)                              \
 public:                                                   \
  auto name(const T& value)->decltype(*this) {             \
    this->name##_ = value;                                 \
    return *this;                                          \
  }                                                        \
  auto name(T&& value)->decltype(*this) {                  \
    this->name##_ = std::move(value);                      \
    return *this;                                          \
  }                                                        \
  const T& name() const noexcept { return this->name##_; } \
  T& name() noexcept { return this->name##_; }             \
                                                           \
 private:                                                  \
  T name##_ /* NOLINT(bugprone-macro-parentheses) */
