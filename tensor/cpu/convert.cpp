// Conversion between any two element types, any steps: the one table behind copies, staging and
// dtype changes.
#include <cmath>
#include <cstring>

#include "tensor/cpu/elementwise.h"

namespace fg::cpu {
namespace {

template <class D, class S>
D convert(S value) {
  if constexpr (std::is_same_v<D, bool>) {
    return static_cast<bool>(value != S());
  } else if constexpr (std::is_integral_v<D> && !std::is_integral_v<S>) {
    // Through int64, so that out-of-range values wrap rather than being undefined per width.
    const double wide = static_cast<double>(value);
    const bool fits = wide >= -0x1p63 && wide < 0x1p63;
    return static_cast<D>(fits ? static_cast<int64_t>(wide) : std::numeric_limits<int64_t>::min());
  } else {
    return static_cast<D>(value);
  }
}

template <class D, class S>
void run(void* dst_bytes, int64_t dst_step, const void* src_bytes, int64_t src_step, int64_t n) {
  D* dst = static_cast<D*>(dst_bytes);
  const S* src = static_cast<const S*>(src_bytes);
  if (src_step == 0) {
    const D value = convert<D, S>(*src);
    for (int64_t i = 0; i < n; ++i) dst[i * dst_step] = value;
  } else if (dst_step == 1 && src_step == 1) {
    if constexpr (std::is_same_v<D, S>) {
      std::memmove(dst, src, size_t(n) * sizeof(D));
    } else {
      for (int64_t i = 0; i < n; ++i) dst[i] = convert<D, S>(src[i]);
    }
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i * dst_step] = convert<D, S>(src[i * src_step]);
  }
}

}  // namespace

void convert_run(ScalarType dst_type, void* dst, int64_t dst_step, ScalarType src_type,
                 const void* src, int64_t src_step, int64_t n) {
  dispatch_all(dst_type, "copy", [&]<class D>() {
    dispatch_all(src_type, "copy", [&]<class S>() { run<D, S>(dst, dst_step, src, src_step, n); });
  });
}

}  // namespace fg::cpu
