// Filling. Dense memory of equal bytes goes to the runtime's memset; other dense memory is written in packs of 16
// bytes, whatever the element's width: each byte once, nothing read. Views are the elementwise driver's.
#include <cstring>

#include "cuda/kernels/elementwise.cuh"
#include "tensor/kernels/convert.h"
#include "tensor/kernels/dispatch.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/elementwise_forms.h"
#include "tensor/kernels/fill.h"
#include "tensor/shape.h"

namespace fg::cuda {
namespace {

constexpr unsigned kFillThreads = 256;

/// `packs` packs from `body` on, then single elements: `head` before them and `tail` behind, each less than a pack.
template <class Bits>
__global__ void __launch_bounds__(kFillThreads)
    fill_dense_kernel(Pack<Bits, kVectorBytes / sizeof(Bits)>* __restrict__ body, int64_t packs,
                      unsigned head, unsigned tail, Bits value) {
  constexpr int kWidth = kVectorBytes / sizeof(Bits);
  Pack<Bits, kWidth> pack;
#pragma unroll
  for (int j = 0; j < kWidth; ++j) pack.at[j] = value;
  const int64_t step = int64_t(gridDim.x) * kFillThreads;
  for (int64_t i = int64_t(blockIdx.x) * kFillThreads + threadIdx.x; i < packs; i += step)
    body[i] = pack;
  if (blockIdx.x != 0) return;
  Bits* const first = reinterpret_cast<Bits*>(body);
  if (threadIdx.x < head) first[-1 - int(threadIdx.x)] = value;
  if (threadIdx.x < tail) reinterpret_cast<Bits*>(body + packs)[threadIdx.x] = value;
}

template <class Bits>
void fill_words(const Tensor& out, Bits value) {
  constexpr int64_t kWidth = kVectorBytes / int64_t(sizeof(Bits));
  Bits* const data = static_cast<Bits*>(out.data_ptr());
  const int64_t beyond = int64_t(reinterpret_cast<uintptr_t>(data) % kVectorBytes / sizeof(Bits));
  const int64_t head = std::min(out.numel(), beyond == 0 ? 0 : kWidth - beyond);
  const int64_t packs = (out.numel() - head) / kWidth, tail = (out.numel() - head) % kWidth;
  launch(fill_dense_kernel<Bits>, one_thread_each(std::max<int64_t>(1, packs), kFillThreads),
         reinterpret_cast<Pack<Bits, int(kWidth)>*>(data + head), packs, unsigned(head),
         unsigned(tail), value);
}

template <class T>
void fill_dense(const Tensor& out, T value) {
  unsigned char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  if (std::all_of(bytes, bytes + sizeof(T), [&](unsigned char b) { return b == bytes[0]; })) {
    check_reports();
    CUDA_CHECK(
        cudaMemsetAsync(out.data_ptr(), bytes[0], size_t(out.nbytes()), current_stream().native()));
    return;
  }
  dispatch_width(sizeof(T), [&]<class Bits>() {
    if constexpr (sizeof(T) == sizeof(Bits)) fill_words(out, std::bit_cast<Bits>(value));
  });
}

// Calls body.operator()<T>(element) with `value` as an element of dtype `type`, converted as every op's results are.
template <class Body>
void with_element(const Scalar& value, ScalarType type, Body&& body) {
  dispatch_compute(compute_type(type), "fill", [&]<class A>() {
    const A wide = value.to<A>();
    dispatch_all(type, "fill", [&]<class T>() { body(convert<T>(wide)); });
  });
}

}  // namespace

void fill(const Tensor& out, const Scalar& value) {
  if (out.numel() == 0) return;
  const bool dense = is_non_overlapping_and_dense(out);
  bool done = false;
  with_element(value, out.dtype(), [&]<class T>(T element) {
    if (dense) fill_dense(out, element);
    done = dense || ElementwiseDriver::run_packs<T>(forms::Constant<T>{element}, out);
  });
  if (!done) forms::fill<ElementwiseDriver>(out, value);
}

}  // namespace fg::cuda
