// Host emulation of CUDA: stand-in for cub::DeviceReduce.
#pragma once

#include <limits>

#include "../cuda_host_run.h"

namespace cub {

struct DeviceReduce {
  template <class In, class Out, class N, class Op, class Init>
  static cudaError_t Reduce(void* storage, size_t& bytes, In in, Out out, N items, Op op, Init init,
                            cudaStream_t stream = nullptr) {
    using A = cuda_host::Accumulator<Op, Init, cuda_host::Value<In>>;
    return cuda_host::with_temporary_storage(storage, bytes, int64_t(items), stream, [=] {
      A total = A(init);
      for (int64_t i = 0; i < int64_t(items); ++i) total = A(op(total, in[i]));
      *out = total;
    });
  }
  template <class In, class Out, class N>
  static cudaError_t Sum(void* storage, size_t& bytes, In in, Out out, N items,
                         cudaStream_t stream = nullptr) {
    using T = cuda_host::OutputValue<Out, cuda_host::Value<In>>;
    return Reduce(storage, bytes, in, out, items, std::plus<>(), T(), stream);
  }
  template <class In, class Out, class N>
  static cudaError_t Min(void* storage, size_t& bytes, In in, Out out, N items,
                         cudaStream_t stream = nullptr) {
    using T = cuda_host::Value<In>;
    const auto lower = [](T a, T b) { return b < a ? b : a; };
    return Reduce(storage, bytes, in, out, items, lower, std::numeric_limits<T>::max(), stream);
  }
  template <class In, class Out, class N>
  static cudaError_t Max(void* storage, size_t& bytes, In in, Out out, N items,
                         cudaStream_t stream = nullptr) {
    using T = cuda_host::Value<In>;
    const auto higher = [](T a, T b) { return a < b ? b : a; };
    return Reduce(storage, bytes, in, out, items, higher, std::numeric_limits<T>::lowest(), stream);
  }
  template <class Keys, class UniqueKeys, class In, class Out, class Count, class Op, class N>
  static cudaError_t ReduceByKey(void* storage, size_t& bytes, Keys keys, UniqueKeys unique, In in,
                                 Out out, Count count, Op op, N items,
                                 cudaStream_t stream = nullptr) {
    using T = cuda_host::Value<In>;
    using A = cuda_host::Accumulator<Op, T, T>;
    return cuda_host::with_temporary_storage(storage, bytes, int64_t(items), stream, [=] {
      int64_t runs = 0;
      for (int64_t i = 0; i < int64_t(items); ++runs) {
        const int64_t begin = i;
        A total = A(in[i++]);
        while (i < int64_t(items) && keys[i] == keys[begin]) total = A(op(total, in[i++]));
        unique[runs] = keys[begin];
        out[runs] = total;
      }
      *count = cuda_host::OutputValue<Count, int64_t>(runs);
    });
  }
};

}  // namespace cub
