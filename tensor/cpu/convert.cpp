// Conversion between any two element types, any steps: the one table behind copies, staging and
// dtype changes.
#include <cstring>

#ifdef __F16C__
#include <immintrin.h>
#endif

#include "tensor/cpu/elementwise.h"
#include "tensor/kernels/convert.h"

namespace fg::cpu {
namespace {

template <class D, class S>
void convert_all(D* dst, const S* src, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = convert<D, S>(src[i]);
}

#ifdef __F16C__
// The compiler finds no vector form of Half's portable conversion; these instructions round alike.
constexpr int64_t kHalves = 8;

void convert_eight(float* dst, const Half* src) {
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(src));
  _mm256_storeu_ps(dst, _mm256_cvtph_ps(halves));
}
void convert_eight(Half* dst, const float* src) {
  const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(src), _MM_FROUND_TO_NEAREST_INT);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(dst), halves);
}
template <class D, class S>
void convert_in_eights(D* dst, const S* src, int64_t n) {
  const int64_t whole = n / kHalves * kHalves;
  for (int64_t i = 0; i < whole; i += kHalves) convert_eight(dst + i, src + i);
  if (whole == n) return;
  S in[kHalves] = {};
  D out[kHalves];
  std::copy(src + whole, src + n, in);
  convert_eight(out, in);
  std::copy_n(out, n - whole, dst + whole);
}
void convert_all(float* dst, const Half* src, int64_t n) { convert_in_eights(dst, src, n); }
void convert_all(Half* dst, const float* src, int64_t n) { convert_in_eights(dst, src, n); }
#endif

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
      convert_all(dst, src, n);
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
