// log(sum(exp(x))) of rows as a fold (fold.cuh): maximum and sum in one reading.
#pragma once

#include "cuda/kernels/exp_sum.cuh"
#include "cuda/kernels/fold.cuh"
#include "cuda/kernels/word_packs.cuh"

namespace fg::cuda {

/// Derived supplies store().
template <class T>
struct LogsumexpFold {
  using C = Compute<T>;
  using Acc = ExpSum<C>;
  static constexpr int kPack = kFullPack<T>;
  const T* x;
  bool aligned;

  __device__ Acc identity() const { return Acc::none(); }
  __device__ Acc operator()(Acc a, Acc b) const { return JoinExpSums()(a, b); }
  template <int W>
  __device__ void load(const Place& at, Acc (&terms)[W]) const {
    C xs[W];
    unpack<T>(load_words<W>(x + at.flat, aligned), xs);
#pragma unroll
    for (int j = 0; j < W; ++j) terms[j] = Acc::of(xs[j]);
  }
  /// An infinite maximum is the result, unless there is a NaN.
  __device__ C result(const Acc& acc) const { return functors::log(acc.sum) + acc.top; }
};

}  // namespace fg::cuda
