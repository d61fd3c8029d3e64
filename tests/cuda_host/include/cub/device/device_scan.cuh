// Host emulation of CUDA: stand-ins for cub::DeviceScan, with and without keys.
#pragma once

#include "../cuda_host_run.h"

namespace cuda_host {

/// out[i] = first op in[0] op ... op in[i], or up to in[i - 1]; a new run begins where keys differ.
template <class A, bool kInclusive, class In, class Out, class Op, class Init, class SameRun>
void scan(In in, Out out, Op op, Init init, int64_t items, SameRun same_run) {
  A total{};
  for (int64_t i = 0; i < items; ++i) {
    const bool first = i == 0 || !same_run(i - 1, i);
    // Read first: a scan may work in place.
    const Value<In> value = in[i];
    if constexpr (kInclusive) {
      if constexpr (std::is_same_v<Init, std::nullptr_t>)
        total = first ? A(value) : A(op(total, value));
      else
        total = A(op(first ? A(init) : total, value));
      out[i] = total;
    } else {
      if (first) total = A(init);
      out[i] = total;
      total = A(op(total, value));
    }
  }
}
inline constexpr auto one_run = [](int64_t, int64_t) { return true; };

template <class Keys, class Equal>
auto runs_of(Keys keys, Equal equal) {
  return [=](int64_t a, int64_t b) { return bool(equal(keys[a], keys[b])); };
}

}  // namespace cuda_host

namespace cub {

struct DeviceScan {
  template <class In, class Out, class Op, class Init, class N>
  requires(!std::is_same_v<N, cudaStream_t>) static cudaError_t
      ExclusiveScan(void* storage, size_t& bytes, In in, Out out, Op op, Init init, N items,
                    cudaStream_t stream = nullptr) {
    using A = cuda_host::Accumulator<Op, Init, cuda_host::Value<In>>;
    return cuda_host::with_temporary_storage(storage, bytes, int64_t(items), stream, [=] {
      cuda_host::scan<A, false>(in, out, op, init, int64_t(items), cuda_host::one_run);
    });
  }
  template <class In, class Out, class Op, class N>
  static cudaError_t InclusiveScan(void* storage, size_t& bytes, In in, Out out, Op op, N items,
                                   cudaStream_t stream = nullptr) {
    using T = cuda_host::Value<In>;
    using A = cuda_host::Accumulator<Op, T, T>;
    return cuda_host::with_temporary_storage(storage, bytes, int64_t(items), stream, [=] {
      cuda_host::scan<A, true>(in, out, op, nullptr, int64_t(items), cuda_host::one_run);
    });
  }
  template <class In, class Out, class Op, class Init, class N>
  static cudaError_t InclusiveScanInit(void* storage, size_t& bytes, In in, Out out, Op op,
                                       Init init, N items, cudaStream_t stream = nullptr) {
    using A = cuda_host::Accumulator<Op, Init, cuda_host::Value<In>>;
    return cuda_host::with_temporary_storage(storage, bytes, int64_t(items), stream, [=] {
      cuda_host::scan<A, true>(in, out, op, init, int64_t(items), cuda_host::one_run);
    });
  }

  template <class In, class Out, class N>
  requires std::is_integral_v<N>
  static cudaError_t ExclusiveSum(void* storage, size_t& bytes, In in, Out out, N items,
                                  cudaStream_t stream = nullptr) {
    return ExclusiveScan(storage, bytes, in, out, std::plus<>(), cuda_host::Value<In>(), items,
                         stream);
  }
  template <class Data, class N>
  requires std::is_integral_v<N>
  static cudaError_t ExclusiveSum(void* storage, size_t& bytes, Data data, N items,
                                  cudaStream_t stream = nullptr) {
    return ExclusiveSum(storage, bytes, data, data, items, stream);
  }
  template <class In, class Out, class N>
  requires std::is_integral_v<N>
  static cudaError_t InclusiveSum(void* storage, size_t& bytes, In in, Out out, N items,
                                  cudaStream_t stream = nullptr) {
    return InclusiveScan(storage, bytes, in, out, std::plus<>(), items, stream);
  }
  template <class Data, class N>
  requires std::is_integral_v<N>
  static cudaError_t InclusiveSum(void* storage, size_t& bytes, Data data, N items,
                                  cudaStream_t stream = nullptr) {
    return InclusiveSum(storage, bytes, data, data, items, stream);
  }

  template <class Keys, class In, class Out, class Op, class Init, class N,
            class Equal = std::equal_to<>>
  static cudaError_t ExclusiveScanByKey(void* storage, size_t& bytes, Keys keys, In in, Out out,
                                        Op op, Init init, N items, Equal equal = Equal(),
                                        cudaStream_t stream = nullptr) {
    using A = cuda_host::Accumulator<Op, Init, cuda_host::Value<In>>;
    return cuda_host::with_temporary_storage(storage, bytes, int64_t(items), stream, [=] {
      cuda_host::scan<A, false>(in, out, op, init, int64_t(items), cuda_host::runs_of(keys, equal));
    });
  }
  template <class Keys, class In, class Out, class Op, class N, class Equal = std::equal_to<>>
  static cudaError_t InclusiveScanByKey(void* storage, size_t& bytes, Keys keys, In in, Out out,
                                        Op op, N items, Equal equal = Equal(),
                                        cudaStream_t stream = nullptr) {
    using T = cuda_host::Value<In>;
    using A = cuda_host::Accumulator<Op, T, T>;
    return cuda_host::with_temporary_storage(storage, bytes, int64_t(items), stream, [=] {
      cuda_host::scan<A, true>(in, out, op, nullptr, int64_t(items),
                               cuda_host::runs_of(keys, equal));
    });
  }
  template <class Keys, class In, class Out, class N, class Equal = std::equal_to<>>
  static cudaError_t ExclusiveSumByKey(void* storage, size_t& bytes, Keys keys, In in, Out out,
                                       N items, Equal equal = Equal(),
                                       cudaStream_t stream = nullptr) {
    return ExclusiveScanByKey(storage, bytes, keys, in, out, std::plus<>(), cuda_host::Value<In>(),
                              items, equal, stream);
  }
  template <class Keys, class In, class Out, class N, class Equal = std::equal_to<>>
  static cudaError_t InclusiveSumByKey(void* storage, size_t& bytes, Keys keys, In in, Out out,
                                       N items, Equal equal = Equal(),
                                       cudaStream_t stream = nullptr) {
    return InclusiveScanByKey(storage, bytes, keys, in, out, std::plus<>(), items, equal, stream);
  }
};

}  // namespace cub
