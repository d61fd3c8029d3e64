// The largest or smallest value along the middle of (outer, n, inner) and the first place where it stands, by
// fold.cuh: which see for layout, order and launches. Reads x once. Along rows a pack counts as one term, its best
// value at its first place: which of its elements that is, is looked up for the winner alone.
#include "cuda/kernels/fold.cuh"
#include "cuda/kernels/word_packs.cuh"
#include "tensor/kernels/reduce.h"
#include "tensor/kernels/reduce_ops.h"

namespace fg::cuda {
namespace {

template <class A>
struct Extreme {
  A value;
  int64_t index;
};

template <bool largest, class T, class A>
struct ArgReduction {
  using Acc = Extreme<A>;
  static constexpr int kPack = kFullPack<T>;
  const T* x;
  T* values;
  int64_t* indices;
  int64_t columns;  // 0 if not along rows
  bool aligned;

  using Best = std::conditional_t<largest, MaxOp, MinOp>;

  /// Behind every element, NaN included.
  __device__ Acc identity() const {
    return {reductions::limit<A>(largest), std::numeric_limits<int64_t>::max()};
  }
  __device__ Acc operator()(Acc a, Acc b) const {
    const bool wins = reductions::beats<largest>(b.value, a.value);
    const bool loses = reductions::beats<largest>(a.value, b.value);
    return wins || (!loses && b.index < a.index) ? b : a;
  }
  __device__ Acc in_order(Acc a, Acc b) const {
    // The identity is the first of all only as long as nothing else is there.
    return reductions::beats<largest>(b.value, a.value) || a.index > b.index ? b : a;
  }
  template <int W>
  __device__ WordPack<T, W> fetch(const Place& at) const {
    return load_words<W>(x + at.flat, aligned);
  }
  template <int W>
  __device__ void terms(const Place& at, const WordPack<T, W>& pack, Acc (&terms)[W]) const {
    A values[W];
    unpack(pack, values);
#pragma unroll
    for (int j = 0; j < W; ++j) terms[j] = {values[j], at.along + j * at.step};
  }
  template <int W>
  __device__ void take(Acc& acc, const Place& at, const WordPack<T, W>& pack) const {
    const Best best;
    A tree[W];
    unpack(pack, tree);
#pragma unroll
    for (int step = 1; step < W; step *= 2)
#pragma unroll
      for (int j = 0; j + step < W; j += 2 * step) tree[j] = best(tree[j], tree[j + step]);
    acc = in_order(acc, {tree[0], at.along});
  }
  __device__ void store(int64_t output, Acc acc) const {
    constexpr int W = kPack;
    T value = T(acc.value);
    int64_t index = acc.index;
    const int64_t flat = output * columns + index;
    // Terms of packs lie on packs' borders; of the others this finds the element itself or nothing.
    if (W > 1 && columns > 0 && flat % W == 0 && index + W <= columns) {
      const Pack<T, W> pack = load_pack<W>(x + flat, aligned);
#pragma unroll
      for (int j = W - 1; j >= 0; --j) {
        const A candidate = A(pack.at[j]);
        if (candidate == acc.value || candidate != candidate)
          value = pack.at[j], index = acc.index + j;
      }
    }
    values[output] = value;
    indices[output] = index;
  }
};

template <class T, class A>
void run(const Tensor& values, const Tensor& indices, const Tensor& x, bool largest) {
  const T* const data = x.data_ptr<T>();
  const auto fold = [&]<bool kLargest>(std::bool_constant<kLargest>) {
    const ArgReduction<kLargest, T, A> f{data, values.data_ptr<T>(), indices.data_ptr<int64_t>(),
                                         x.size(2) == 1 ? x.size(1) : 0, is_aligned(data)};
    fold_middle(f, x.size(0), x.size(1), x.size(2), x.device());
  };
  if (largest)
    fold(std::true_type());
  else
    fold(std::false_type());
}

}  // namespace

void arg_reduce(const Tensor& values, const Tensor& indices, const Tensor& x, bool largest) {
  if (values.numel() == 0) return;
  if (x.dtype() == kLong) return run<int64_t, int64_t>(values, indices, x, largest);
  dispatch_floating(x.dtype(), "arg_reduce",
                    [&]<class T>() { run<T, Compute<T>>(values, indices, x, largest); });
}

}  // namespace fg::cuda
