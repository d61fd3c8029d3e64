// Host emulation of CUDA: what the stand-ins for CUB share. They keep CUB's signatures, its two calls (one
// that asks for the size of the temporary storage, one that works) and its order of equal keys, and are
// written for exactness, not speed.
#pragma once

#include <cstring>
#include <functional>
#include <iterator>
#include <type_traits>
#include <utility>

#include "../cuda_host/emulation.h"

namespace cub {

/// Two arrays, of which a sort may use either; `selector` is the one that holds the values.
template <class T>
struct DoubleBuffer {
  T* d_buffers[2] = {nullptr, nullptr};
  int selector = 0;

  DoubleBuffer() = default;
  DoubleBuffer(T* current, T* alternate) : d_buffers{current, alternate} {}
  T* Current() { return d_buffers[selector]; }
  T* Alternate() { return d_buffers[selector ^ 1]; }
};

}  // namespace cub

namespace cuda_host {

template <class Iterator>
using Value = typename std::iterator_traits<Iterator>::value_type;
/// The type that CUB accumulates in.
template <class Op, class Init, class T>
using Accumulator = std::decay_t<std::invoke_result_t<Op, Init, T>>;

/// What an output holds, or T where it takes anything.
template <class Iterator, class T>
using OutputValue = std::conditional_t<std::is_void_v<Value<Iterator>>, T, Value<Iterator>>;

/// Without storage: says how much `work` needs, which grows with the items. With storage: scribbles over
/// it, as CUB does, and works.
template <class Work>
cudaError_t with_temporary_storage(void* storage, size_t& bytes, int64_t items, cudaStream_t stream,
                                   Work work) {
  if (items < 0) return cudaErrorInvalidValue;
  const size_t needed = 256 + size_t(items) * 2;
  if (!storage) {
    bytes = needed;
    return cudaSuccess;
  }
  if (bytes < needed) return cudaErrorInvalidValue;
  return submit(stream, [storage, needed, work = std::move(work)] {
    std::memset(storage, 0xff, needed);
    work();
  });
}

/// CUB's outputs may not overlap its inputs.
template <class T>
void forbid_overlap(const T* in, const T* out, int64_t count) {
  if (in < out + count && out < in + count)
    throw Error("host emulation of CUDA: cub: the output overlaps the input");
}

}  // namespace cuda_host
