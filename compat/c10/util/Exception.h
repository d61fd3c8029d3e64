// The checks and warnings of libtorch as macros; each throws c10::Error or hands a c10::Warning on.
#pragma once

#include "../c10.h"

namespace c10::detail {
inline const char* check_text(const char* fallback) { return fallback; }
template <class... Parts>
std::string check_text(const char*, const Parts&... parts) {
  return fg::str(parts...);
}
}  // namespace c10::detail

#define FUSEGRAD_HERE \
  ::fg::SourceLocation { __func__, __FILE__, uint32_t(__LINE__) }

#define C10_THROW_ERROR(error, message) throw ::c10::error(FUSEGRAD_HERE, message)
#define TORCH_CHECK_WITH(error, condition, ...)                                               \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      C10_THROW_ERROR(error, ::c10::detail::check_text(                                       \
                                 "Expected " #condition                                       \
                                 " to be true, but got false.  (Could this error message be " \
                                 "improved?  If so, please report an enhancement request to " \
                                 "PyTorch.)" __VA_OPT__(, ) __VA_ARGS__));                    \
  } while (false)
#define TORCH_CHECK(condition, ...) TORCH_CHECK_WITH(Error, condition, __VA_ARGS__)
#define TORCH_CHECK_INDEX(condition, ...) TORCH_CHECK_WITH(IndexError, condition, __VA_ARGS__)
#define TORCH_CHECK_VALUE(condition, ...) TORCH_CHECK_WITH(ValueError, condition, __VA_ARGS__)
#define TORCH_CHECK_TYPE(condition, ...) TORCH_CHECK_WITH(TypeError, condition, __VA_ARGS__)
#define TORCH_CHECK_LINALG(condition, ...) TORCH_CHECK_WITH(LinAlgError, condition, __VA_ARGS__)
#define TORCH_CHECK_NOT_IMPLEMENTED(condition, ...) \
  TORCH_CHECK_WITH(NotImplementedError, condition, __VA_ARGS__)
#define TORCH_CHECK_ARG(condition, number, ...) \
  TORCH_CHECK(condition, "invalid argument ", number, ": " __VA_OPT__(, ) __VA_ARGS__)
#define TORCH_INTERNAL_ASSERT(condition, ...)                                                   \
  TORCH_CHECK(condition, #condition " INTERNAL ASSERT FAILED at \"", __FILE__, "\":", __LINE__, \
              ", please report a bug to PyTorch. " __VA_OPT__(, ) __VA_ARGS__)
#ifdef NDEBUG
#define TORCH_INTERNAL_ASSERT_DEBUG_ONLY(...) \
  do {                                        \
  } while (false)
#else
#define TORCH_INTERNAL_ASSERT_DEBUG_ONLY(...) TORCH_INTERNAL_ASSERT(__VA_ARGS__)
#endif
#define AT_ASSERT(...) TORCH_INTERNAL_ASSERT(__VA_ARGS__)
#define AT_ASSERTM(condition, ...) TORCH_CHECK(condition, __VA_ARGS__)
#define AT_ERROR(...) C10_THROW_ERROR(Error, ::fg::str(__VA_ARGS__))

#define TORCH_WARN(...) ::fg::Warning::warn(FUSEGRAD_HERE, ::fg::str(__VA_ARGS__), false)
#define TORCH_WARN_ONCE(...)                                                                \
  do {                                                                                      \
    static ::std::atomic<bool> warned{false};                                               \
    if (!warned.exchange(true) || ::fg::Warning::get_warnAlways()) TORCH_WARN(__VA_ARGS__); \
  } while (false)
