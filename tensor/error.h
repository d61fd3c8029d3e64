// fg::Error, the one exception of the library, and ENSURE, the one check.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace fg {

/// A place in a program, for errors and warnings that macros make.
struct SourceLocation {
  const char* function;
  const char* file;
  uint32_t line;
};
inline std::ostream& operator<<(std::ostream& out, const SourceLocation& place) {
  return out << place.function << " at " << place.file << ":" << place.line;
}

/// Thrown for every user-visible failure. The text is one sentence: op first, then the argument's
/// name, what was expected and what came.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
  /// libtorch's constructor; the text does not mention the place.
  Error(SourceLocation, const std::string& message) : Error(message) {}
  /// libtorch's name for the plain text; fusegrad never adds a backtrace to what().
  const char* what_without_backtrace() const noexcept { return what(); }
  const std::string& msg() const { return text_; }

 private:
  std::string text_ = what();
};

/// An Error about an index or a dimension that lies outside its range.
struct IndexError : Error {
  using Error::Error;
};
// PyTorch's other kinds, for programs that throw or catch them.
struct ValueError : Error {
  using Error::Error;
};
struct TypeError : Error {
  using Error::Error;
};
struct NotImplementedError : Error {
  using Error::Error;
};
struct LinAlgError : Error {
  using Error::Error;
};
/// An Error of an allocation on a device; the program can free memory and go on.
struct OutOfMemoryError : Error {
  using Error::Error;
};

/// Concatenates the printed forms of its arguments.
template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

/// The printed forms of a range's elements with `delimiter` between them.
template <class Range>
std::string join(const std::string& delimiter, const Range& range) {
  std::ostringstream out;
  bool first = true;
  for (const auto& element : range)
    out << (std::exchange(first, false) ? "" : delimiter) << element;
  return std::move(out).str();
}

namespace detail {
template <class E = Error>
[[noreturn]] void fail(const std::string& message) {
  throw E(message);
}
}  // namespace detail

}  // namespace fg

/// Throws fg::Error built from the remaining arguments unless `condition` holds. The message is
/// formatted only on failure.
#define ENSURE(condition, ...)                    \
  do {                                            \
    if (!(condition)) [[unlikely]]                \
      ::fg::detail::fail(::fg::str(__VA_ARGS__)); \
  } while (false)
