// What the normalisation kernels share that do not keep a row: which statistics and parameters an element goes with,
// the folds of statistics and gradient sums, and the elementwise passes that follow.
#pragma once

#include "cuda/kernels/fold.cuh"
#include "cuda/kernels/norm_parameters.cuh"
#include "tensor/kernels/math.h"

namespace fg::cuda {

/// Where W neighbouring elements of [batch, groups, channels, inner] stand: in one row, and in one channel (step 0)
/// or in successive ones.
struct NormPlace {
  int64_t row, channel;
  int step;
};

class NormIndex {
 public:
  explicit NormIndex(const NormShape& shape)
      : inner_(shape.inner, shape.rows() * shape.row_size()),
        channels_(shape.channels, shape.rows() * shape.channels),
        groups_(shape.groups, shape.rows()) {}

  /// False where the elements do not stand like that.
  template <int W>
  __device__ bool locate(int64_t i, NormPlace& place) const {
    const int64_t segment = inner_.quotient(i);
    place.row = channels_.quotient(segment);
    const int64_t within = segment - place.row * channels_.divisor();
    const int64_t group = place.row - groups_.quotient(place.row) * groups_.divisor();
    place.channel = group * channels_.divisor() + within;
    place.step = inner_.divisor() == 1 ? 1 : 0;
    return place.step == 1 ? within + W <= channels_.divisor()
                           : i - segment * inner_.divisor() + W <= inner_.divisor();
  }

 private:
  IndexDivider inner_, channels_, groups_;
};

/// Mean and sum of squared distances from it of `count` numbers.
template <class C>
struct Moments {
  C count, mean, squares;
};

/// Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983), in one pass. Not `centered`:
/// the mean is taken to be 0. Derived supplies store().
template <class T>
struct MomentsFold {
  using C = Compute<T>;
  using Acc = Moments<C>;
  static constexpr int kPack = kFullPack<T>;
  const T* x;
  bool aligned, centered;

  __device__ Acc identity() const { return {C(0), C(0), C(0)}; }
  __device__ Acc operator()(Acc a, Acc b) const {
    const C count = a.count + b.count, distance = b.mean - a.mean;
    const C share = count > 0 ? b.count / count : C(0);
    return {count, a.mean + distance * share,
            a.squares + b.squares + distance * distance * (a.count * share)};
  }
  template <int W>
  __device__ void load(const Place& at, Acc (&terms)[W]) const {
    const Pack<T, W> pack = load_pack<W>(x + at.flat, aligned);
#pragma unroll
    for (int j = 0; j < W; ++j) terms[j] = term(C(pack.at[j]));
  }
  __device__ Acc term(C value) const {
    return centered ? Acc{C(1), value, C(0)} : Acc{C(1), C(0), value * value};
  }
};

/// Sums of g * xhat and of g.
template <class C>
struct GradientPair {
  C along, level;
};
struct AddPairs {
  template <class C>
  __device__ GradientPair<C> operator()(GradientPair<C> a, GradientPair<C> b) const {
    return {a.along + b.along, a.level + b.level};
  }
};

/// The gradient of an x whose xhat has gradient g; `means` are those of g * xhat and of g.
template <class C>
__device__ __forceinline__ C normalised_grad(C g, C xhat, C rstd, const GradientPair<C>& means) {
  return rstd * (g - means.level - xhat * means.along);
}

/// xhat = (x - mean) * rstd, mean and rstd being those of the element's row or channel.
template <class T>
struct Normalised {
  using C = Compute<T>;
  const C* mean;
  const C* rstd;
  NormIndex index;
  bool by_channel;
};

/// Folds GradientPairs of g = grad_y * weight. Derived supplies store().
template <class T>
struct GradientFold {
  using C = Compute<T>;
  using Acc = GradientPair<C>;
  // Eight of 16 bits would take so many registers that too few threads run.
  static constexpr int kPack = kFullPack<T> < 4 ? kFullPack<T> : 4;
  const T* grad_y;
  const T* x;
  NormParameter<T> weight;
  Normalised<T> of;
  bool aligned;

  __device__ Acc identity() const { return {C(0), C(0)}; }
  __device__ Acc operator()(Acc a, Acc b) const { return AddPairs()(a, b); }
  template <int W>
  struct Packs {
    WordPack<T, W> grad_y, x;
  };
  template <int W>
  __device__ Packs<W> fetch(const Place& at) const {
    return {load_words<W>(grad_y + at.flat, aligned), load_words<W>(x + at.flat, aligned)};
  }
  template <int W>
  __device__ __forceinline__ void terms(const Place& at, const Packs<W>& packs,
                                        Acc (&terms)[W]) const {
    C g[W], xs[W], w[W];
    unpack(packs.grad_y, g);
    unpack(packs.x, xs);
    NormPlace place;
    if (of.index.template locate<W>(at.flat, place)) {
      weight.load(place.channel, place.step, w);
#pragma unroll
      for (int j = 0; j < W; ++j) terms[j] = term(place, j, w[j], g[j], xs[j]);
    } else {
      cross(at.flat, g, xs, terms);
    }
  }

 private:
  __device__ __forceinline__ Acc term(const NormPlace& place, int j, C w, C g, C x) const {
    const int64_t s = of.by_channel ? place.channel + j * place.step : place.row;
    return {g * w * ((x - of.mean[s]) * of.rstd[s]), g * w};
  }
  /// A pack across a border, element by element, on copies: what a loop indexes is not in registers.
  template <int W>
  __device__ __forceinline__ void cross(int64_t first, const C (&g)[W], const C (&xs)[W],
                                        Acc (&terms)[W]) const {
    C values[2][W];
    Acc results[W];
#pragma unroll
    for (int j = 0; j < W; ++j) values[0][j] = g[j], values[1][j] = xs[j];
#pragma unroll 1
    for (int j = 0; j < W; ++j) {
      NormPlace place;
      of.index.template locate<1>(first + j, place);
      results[j] = term(place, 0, weight[place.channel], values[0][j], values[1][j]);
    }
#pragma unroll
    for (int j = 0; j < W; ++j) terms[j] = results[j];
  }
};

/// GradientFold over channels that ends in the parameters' gradients.
template <class T>
struct ParameterGradientFold : GradientFold<T> {
  ParameterGradient<T> grad_weight, grad_bias;
  __device__ void store(int64_t channel, GradientPair<Compute<T>> sums) const {
    grad_weight.store(channel, sums.along);
    grad_bias.store(channel, sums.level);
  }
};

/// y = xhat * weight + bias.
template <class T>
struct NormForwardElements {
  using C = Compute<T>;
  static constexpr int kPack = kFullPack<T>;
  T* y;
  const T* x;
  NormParameter<T> weight, bias;
  Normalised<T> of;
  bool aligned;

  template <int W>
  __device__ void write(int64_t i) const {
    NormPlace place;
    if (!of.index.template locate<W>(i, place)) {
      for (int j = 0; j < W; ++j) write<1>(i + j);
      return;
    }
    const Pack<T, W> xs = load_pack<W>(x + i, aligned);
    C w[W], b[W];
    weight.load(place.channel, place.step, w);
    bias.load(place.channel, place.step, b);
    Pack<T, W> result;
#pragma unroll
    for (int j = 0; j < W; ++j) {
      const int64_t s = of.by_channel ? place.channel + j * place.step : place.row;
      result.at[j] = T((C(xs.at[j]) - of.mean[s]) * (of.rstd[s] * w[j]) + b[j]);
    }
    store_pack(y + i, result, aligned);
  }
};

/// grad_x, with the row's or channel's `means`.
template <class T>
struct NormBackwardElements {
  using C = Compute<T>;
  static constexpr int kPack = kFullPack<T>;
  T* grad_x;
  const T* grad_y;
  const T* x;
  NormParameter<T> weight;
  Normalised<T> of;
  const GradientPair<C>* means;  // null: zeros
  bool aligned;

  template <int W>
  __device__ void write(int64_t i) const {
    NormPlace place;
    if (!of.index.template locate<W>(i, place)) {
      for (int j = 0; j < W; ++j) write<1>(i + j);
      return;
    }
    const Pack<T, W> g = load_pack<W>(grad_y + i, aligned), xs = load_pack<W>(x + i, aligned);
    C w[W];
    weight.load(place.channel, place.step, w);
    Pack<T, W> result;
#pragma unroll
    for (int j = 0; j < W; ++j) {
      const int64_t s = of.by_channel ? place.channel + j * place.step : place.row;
      const C xhat = (C(xs.at[j]) - of.mean[s]) * of.rstd[s];
      const GradientPair<C> mean = means ? means[s] : GradientPair<C>{C(0), C(0)};
      result.at[j] = T(normalised_grad(C(g.at[j]) * w[j], xhat, of.rstd[s], mean));
    }
    store_pack(grad_x + i, result, aligned);
  }
};

template <class E>
__global__ void __launch_bounds__(256) norm_elements_kernel(E e, int64_t count) {
  constexpr int W = E::kPack;
  const int64_t thread = int64_t(blockIdx.x) * 256 + threadIdx.x,
                threads = int64_t(gridDim.x) * 256;
  for (int64_t p = thread; p < count / W; p += threads) e.template write<W>(p * W);
  for (int64_t i = count / W * W + thread; i < count; i += threads) e.template write<1>(i);
}

/// e.write over `count` elements, a thread per pack.
template <class E>
void run_norm_elements(const E& e, int64_t count) {
  if (count > 0)
    launch(norm_elements_kernel<E>, one_thread_each((count + E::kPack - 1) / E::kPack), e, count);
}

}  // namespace fg::cuda
