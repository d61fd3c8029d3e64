// Host emulation of CUDA: stand-ins for cub::DeviceSelect and DeviceRunLengthEncode.
#pragma once

#include "../cuda_host_run.h"

namespace cuda_host {

/// Keeps, in their order, the items for which keep(i, item); works in place too.
template <class In, class Out, class Count, class Keep>
cudaError_t select(void* storage, size_t& bytes, In in, Out out, Count count, int64_t items,
                   Keep keep, cudaStream_t stream) {
  return with_temporary_storage(storage, bytes, items, stream, [=] {
    int64_t kept = 0;
    for (int64_t i = 0; i < items; ++i) {
      const Value<In> item = in[i];
      if (keep(i, item)) out[kept++] = item;
    }
    *count = OutputValue<Count, int64_t>(kept);
  });
}

}  // namespace cuda_host

namespace cub {

struct DeviceSelect {
  template <class In, class Flags, class Out, class Count>
  static cudaError_t Flagged(void* storage, size_t& bytes, In in, Flags flags, Out out, Count count,
                             int64_t items, cudaStream_t stream = nullptr) {
    return cuda_host::select(
        storage, bytes, in, out, count, items,
        [flags](int64_t i, const auto&) { return bool(flags[i]); }, stream);
  }
  template <class Data, class Flags, class Count>
  static cudaError_t Flagged(void* storage, size_t& bytes, Data data, Flags flags, Count count,
                             int64_t items, cudaStream_t stream = nullptr) {
    return Flagged(storage, bytes, data, flags, data, count, items, stream);
  }
  template <class In, class Out, class Count, class Keep>
  requires(!std::is_same_v<Keep, cudaStream_t>) static cudaError_t
      If(void* storage, size_t& bytes, In in, Out out, Count count, int64_t items, Keep keep,
         cudaStream_t stream = nullptr) {
    return cuda_host::select(
        storage, bytes, in, out, count, items,
        [keep](int64_t, const auto& item) { return bool(keep(item)); }, stream);
  }
  template <class Data, class Count, class Keep>
  static cudaError_t If(void* storage, size_t& bytes, Data data, Count count, int64_t items,
                        Keep keep, cudaStream_t stream = nullptr) {
    return If(storage, bytes, data, data, count, items, keep, stream);
  }
  template <class In, class Out, class Count>
  static cudaError_t Unique(void* storage, size_t& bytes, In in, Out out, Count count,
                            int64_t items, cudaStream_t stream = nullptr) {
    return cuda_host::select(
        storage, bytes, in, out, count, items,
        [in](int64_t i, const auto& item) { return i == 0 || !(in[i - 1] == item); }, stream);
  }
};

struct DeviceRunLengthEncode {
  template <class In, class Unique, class Lengths, class Count>
  static cudaError_t Encode(void* storage, size_t& bytes, In in, Unique unique, Lengths lengths,
                            Count count, int items, cudaStream_t stream = nullptr) {
    return cuda_host::with_temporary_storage(storage, bytes, items, stream, [=] {
      int64_t runs = 0;
      for (int64_t begin = 0, end = 0; begin < items; begin = end, ++runs) {
        while (end < items && in[end] == in[begin]) ++end;
        unique[runs] = in[begin];
        lengths[runs] = cuda_host::OutputValue<Lengths, int>(end - begin);
      }
      *count = cuda_host::OutputValue<Count, int64_t>(runs);
    });
  }
};

}  // namespace cub
