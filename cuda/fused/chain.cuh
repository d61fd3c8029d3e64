// The GPU's kernels of pointwise chains, as templates over the chain. Forward, and backward of a chain without
// channel operands, are the elementwise driver's kernels: each operand is read once, intermediates stay in
// registers. With channel operands, backward is a fold (fold.cuh) over each channel whose loads write grad_x on
// the way: x and the gradient are read once, and the operands' gradients (and grad_x itself, for a bias in front of the
// chain) are summed in fixed order.
#pragma once

#include "cuda/kernels/elementwise.cuh"
#include "cuda/kernels/norm_elements.cuh"
#include "tensor/kernels/chain_launchers.h"

namespace fg::cuda {

/// What a chain computes in where its results are rounded to T.
template <class C, class T>
using ChainNumber = std::conditional_t<std::is_same_v<T, BFloat16> && C::short_form,
                                       functors::ShortFloat, Compute<T>>;

/// One number per channel operand and per other sum: what an element contributes to their gradients.
template <class A, int kCount>
struct Contributions {
  A at[kCount > 0 ? kCount : 1];
};
struct AddContributions {
  template <class A, int kCount>
  __device__ Contributions<A, kCount> operator()(Contributions<A, kCount> a,
                                                 const Contributions<A, kCount>& b) const {
#pragma unroll
    for (int k = 0; k < kCount; ++k) a.at[k] += b.at[k];
    return a;
  }
};

/// The channel operands of a chain of x's of type T: of T, or of what T computes in.
template <class C, class T>
struct ChainOperands {
  static constexpr int kCount = C::num_channel_operands;
  static constexpr int kSlots = kCount > 0 ? kCount : 1;  // no array has no elements
  NormParameter<T> at[kSlots];

  explicit ChainOperands(const std::vector<Tensor>& operands) {
    for (int k = 0; k < kCount; ++k) at[k] = {operands[size_t(k)], Compute<T>(0)};
  }
  /// Those of one channel; A: what they are computed in.
  template <class A>
  __device__ void load(int64_t channel, A (&out)[kSlots]) const {
#pragma unroll
    for (int k = 0; k < kCount; ++k) out[k] = A(at[k][channel]);
  }
};

/// An array of T, or of what T computes in.
template <class T>
struct MixedArray {
  using C = Compute<T>;
  void* data = nullptr;
  bool wide = false;

  explicit MixedArray(const Tensor& tensor)
      : data(tensor.data_ptr()), wide(tensor.dtype() != scalar_type_of<T>) {}

  __device__ C operator[](int64_t i) const {
    return wide ? static_cast<const C*>(data)[i] : C(static_cast<const T*>(data)[i]);
  }
  __device__ void set(int64_t i, C value) const {
    if (wide)
      static_cast<C*>(data)[i] = value;
    else
      static_cast<T*>(data)[i] = T(value);
  }
  /// W neighbours from element i on, as in load_pack and store_pack.
  template <int W>
  __device__ void load(int64_t i, bool aligned, C (&out)[W]) const {
    if constexpr (!std::is_same_v<T, C>)
      if (wide) return load_values(static_cast<const C*>(data) + i, aligned, out);
    load_values(static_cast<const T*>(data) + i, aligned, out);
  }
  template <int W>
  __device__ void store(int64_t i, bool aligned, const C (&values)[W]) const {
    if constexpr (!std::is_same_v<T, C>)
      if (wide) return store_values(static_cast<C*>(data) + i, aligned, values);
    store_values(static_cast<T*>(data) + i, aligned, values);
  }
};

namespace chain_detail {

template <class C>
struct ForwardCall {
  static constexpr bool short_form = C::short_form;
  C chain;
  template <class T, class... Operands>
  constexpr T operator()(T x, Operands... c) const {
    const T operands[] = {c..., T()};  // no array has no elements
    return chain.forward(x, operands);
  }
};

template <class C>
struct BackwardCall {
  static constexpr bool short_form = C::short_form;
  C chain;
  template <class T>
  constexpr T operator()(T g, T x) const {
    T none{};
    return chain.backward(g, x, &none, &none);
  }
};

/// For run_norm_elements: operands and a y that the elementwise driver would take one by one, x being of another dtype.
template <class C, class T>
struct ForwardElements {
  static constexpr int kPack = kFullPack<T>;
  C chain;
  MixedArray<T> y;
  const T* x;
  ChainOperands<C, T> operands;
  NormIndex index;
  bool aligned;

  template <int W>
  __device__ void write(int64_t i) const {
    NormPlace place;
    if (!index.template locate<W>(i, place)) {
      for (int j = 0; j < W; ++j) write<1>(i + j);
      return;
    }
    Compute<T> values[W];
    load_values(x + i, aligned, values);
#pragma unroll
    for (int j = 0; j < W; ++j) {
      ChainNumber<C, T> c[C::num_channel_operands];
      operands.load(place.channel + j * place.step, c);
      values[j] = Compute<T>(chain.forward(ChainNumber<C, T>(values[j]), c));
    }
    y.store(i, aligned, values);
  }
};

/// For fold_channels: rows are (outer, channel) pairs of `inner` elements, or where inner is 1 the outer ones. The last
/// contribution is grad_x itself.
template <class C, class T>
struct BackwardFold {
  static constexpr int kOperands = C::num_channel_operands;
  using A = Compute<T>;
  using Acc = Contributions<A, kOperands + 1>;
  static constexpr int kPack = kFullPack<T>;

  C chain;
  MixedArray<T> g;
  const T* x;
  T* grad_x;
  ChainOperands<C, T> operands;
  ParameterGradient<T> gradients[kOperands + 1];
  int64_t channels;
  bool along;  // channels are the columns
  bool aligned;

  __device__ Acc identity() const { return Acc{}; }
  __device__ Acc operator()(const Acc& a, const Acc& b) const { return AddContributions()(a, b); }
  template <int W>
  __device__ void load(const Place& place, Acc (&terms)[W]) const {
    A values[W], grads[W];
    load_values(x + place.flat, aligned, values);
    g.load(place.flat, aligned, grads);
#pragma unroll
    for (int j = 0; j < W; ++j) {
      const int64_t channel = along ? place.column + j : place.row % channels;
      A c[ChainOperands<C, T>::kSlots];
      operands.load(channel, c);
      grads[j] = chain.backward(grads[j], values[j], c, terms[j].at);
      terms[j].at[kOperands] = grads[j];
    }
    store_values(grad_x + place.flat, aligned, grads);
  }
  __device__ void store(int64_t channel, const Acc& acc) const {
#pragma unroll
    for (int k = 0; k <= kOperands; ++k) gradients[k].store(channel, acc.at[k]);
  }
};

template <class T, class C>
void backward_with_sums(const Tensor& grad_x, const Tensor& grad_channel,
                        const std::vector<Tensor>& grad_operands, const Tensor& g, const Tensor& x,
                        const std::vector<Tensor>& operands, const C& chain) {
  const int64_t outer = x.size(0), channels = x.size(1), inner = x.size(2);
  BackwardFold<C, T> fold{chain,
                          MixedArray<T>(g),
                          x.data_ptr<T>(),
                          grad_x.data_ptr<T>(),
                          ChainOperands<C, T>(operands),
                          {},
                          channels,
                          inner == 1,
                          false};
  fold.aligned = all_aligned(fold.g.data, fold.x, fold.grad_x);
  for (size_t k = 0; k < operands.size(); ++k)
    fold.gradients[k] = ParameterGradient<T>(grad_operands[k]);
  fold.gradients[fold.kOperands] = ParameterGradient<T>(grad_channel);
  fold_channels(fold, outer, channels, inner, x.device());
}

}  // namespace chain_detail

template <class C>
void chain_forward(const Tensor& y, const Tensor& x, const std::vector<Tensor>& operands,
                   const C& chain) {
  if constexpr (C::num_channel_operands > 0)
    if (operands[0].dtype() != x.dtype())
      return dispatch_floating(x.dtype(), "chain", [&]<class T>() {
        const NormShape shape{x.size(0), 1, x.size(1), x.size(2)};
        const T* xs = x.data_ptr<T>();
        const MixedArray<T> ys(y);
        run_norm_elements(
            chain_detail::ForwardElements<C, T>{chain, ys, xs, ChainOperands<C, T>(operands),
                                                NormIndex(shape), all_aligned(xs, ys.data)},
            x.numel());
      });
  const chain_detail::ForwardCall<C> call{chain};
  const auto run = [&]<class A, size_t... k>(std::index_sequence<k...>) {
    // An operand runs along dim 1; the driver broadcasts it over the others.
    const Tensor channel[] = {operands[k].view({1, -1, 1})..., Tensor()};
    ElementwiseDriver::run<A, A, std::enable_if_t<k + 1 != 0, A>...>(call, y, x, channel[k]...);
  };
  const auto indices = std::make_index_sequence<size_t(C::num_channel_operands)>();
  if (x.dtype() == kDouble)
    run.template operator()<double>(indices);
  else
    run.template operator()<float>(indices);
}

template <class C>
void chain_backward(const Tensor& grad_x, const std::vector<Tensor>& grad_operands, const Tensor& g,
                    const Tensor& x, const std::vector<Tensor>& operands, const C& chain) {
  if constexpr (C::num_channel_operands > 0) {
    chain_backward_summed(grad_x, {}, grad_operands, g, x, operands, chain);
  } else {
    const chain_detail::BackwardCall<C> call{chain};
    if (x.dtype() == kDouble)
      ElementwiseDriver::run<double, double, double>(call, grad_x, g, x);
    else
      ElementwiseDriver::run<float, float, float>(call, grad_x, g, x);
  }
}

template <class C>
void chain_backward_summed(const Tensor& grad_x, const Tensor& grad_channel,
                           const std::vector<Tensor>& grad_operands, const Tensor& g,
                           const Tensor& x, const std::vector<Tensor>& operands, const C& chain) {
  dispatch_floating(x.dtype(), "chain backward", [&]<class T>() {
    chain_detail::backward_with_sums<T>(grad_x, grad_channel, grad_operands, g, x, operands, chain);
  });
}

}  // namespace fg::cuda
