// Sums, products, extremes and logic over the middle of (outer, n, inner), by fold.cuh: which see for layout,
// order and launches. Reads x once; 16-bit types accumulate in float and round once at the end.
#include "cuda/kernels/fold.cuh"
#include "cuda/kernels/word_packs.cuh"
#include "tensor/kernels/reduce.h"
#include "tensor/kernels/reduce_ops.h"

namespace fg::cuda {
namespace {

/// Op is one of reductions::Sum, ... of the type accumulated in.
template <class T, class A, template <class> class Op>
struct Reduction {
  using Acc = A;
  static constexpr int kPack = kFullPack<T>;
  const T* x;
  void* out;
  bool aligned;
  bool wide;  // out holds A, not T

  __device__ A identity() const { return Op<A>::identity; }
  __device__ A operator()(A a, A b) const { return Op<A>::combine(a, b); }
  template <int W>
  __device__ WordPack<T, W> fetch(const Place& at) const {
    return load_words<W>(x + at.flat, aligned);
  }
  template <int W>
  __device__ void terms(const Place&, const WordPack<T, W>& pack, A (&terms)[W]) const {
    unpack(pack, terms);
  }
  __device__ void store(int64_t output, A acc) const {
    if (wide)
      static_cast<A*>(out)[output] = acc;
    else
      static_cast<T*>(out)[output] = T(acc);
  }
};

template <class T, class A, template <class> class Op>
void run(const Tensor& out, const Tensor& x) {
  const T* const data = x.data_ptr<T>();
  const Reduction<T, A, Op> fold{data, out.data_ptr(), is_aligned(data), out.dtype() != x.dtype()};
  fold_middle(fold, x.size(0), x.size(1), x.size(2), x.device());
}

template <class T, class A>
void run(const Tensor& out, const Tensor& x, ReduceKind kind) {
  switch (kind) {
    case ReduceKind::sum:
      return run<T, A, reductions::Sum>(out, x);
    case ReduceKind::prod:
      return run<T, A, reductions::Prod>(out, x);
    case ReduceKind::max:
      return run<T, A, reductions::Max>(out, x);
    default:
      return run<T, A, reductions::Min>(out, x);
  }
}

}  // namespace

void reduce(const Tensor& out, const Tensor& x, ReduceKind kind) {
  if (out.numel() == 0) return;
  if (kind == ReduceKind::any) return run<bool, int, reductions::Any>(out, x);
  if (kind == ReduceKind::all) return run<bool, int, reductions::All>(out, x);
  if (x.dtype() == kLong) return run<int64_t, int64_t>(out, x, kind);
  dispatch_floating(x.dtype(), "reduce", [&]<class T>() { run<T, Compute<T>>(out, x, kind); });
}

}  // namespace fg::cuda
