// The GPU's kernels of pointwise chains, as templates over the chain. Forward, and backward of a chain without
// channel operands, are the elementwise driver's kernels: each operand is read once, intermediates stay in
// registers. With channel operands, backward is a fold (fold.cuh) over each channel whose loads write grad_x on
// the way: x and the gradient are read once, and the operands' gradients are summed in fixed order.
#pragma once

#include "cuda/kernels/elementwise.cuh"
#include "cuda/kernels/fold.cuh"
#include "tensor/kernels/chain_launchers.h"

namespace fg::cuda {

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

/// The contributions of one element, or sums of them, to the gradient of each channel operand.
template <class A, int kOperands>
struct Contributions {
  A at[kOperands];
};

/// For fold_channels: rows are (outer, channel) pairs of `inner` elements, or where inner is 1 the outer ones.
template <class C, class T>
struct BackwardFold {
  static constexpr int kOperands = C::num_channel_operands;
  using A = Compute<T>;
  using Acc = Contributions<A, kOperands>;
  static constexpr int kPack = kFullPack<T>;

  C chain;
  const T *g, *x;
  T* grad_x;
  const T* operands[kOperands];
  T* grad_operands[kOperands];
  int64_t channels;
  bool along;  // channels are the columns
  bool aligned;

  __device__ Acc identity() const { return Acc{}; }
  __device__ Acc operator()(Acc a, Acc b) const {
#pragma unroll
    for (int k = 0; k < kOperands; ++k) a.at[k] += b.at[k];
    return a;
  }
  template <int W>
  __device__ void load(const Place& place, Acc (&terms)[W]) const {
    const auto x_pack = load_pack<W>(x + place.flat, aligned);
    const auto g_pack = load_pack<W>(g + place.flat, aligned);
    Pack<T, W> result;
#pragma unroll
    for (int j = 0; j < W; ++j) {
      const int64_t channel = along ? place.column + j : place.row % channels;
      A c[kOperands];
#pragma unroll
      for (int k = 0; k < kOperands; ++k) c[k] = A(operands[k][channel]);
      result.at[j] = T(chain.backward(A(g_pack.at[j]), A(x_pack.at[j]), c, terms[j].at));
    }
    store_pack(grad_x + place.flat, result, aligned);
  }
  __device__ void store(int64_t channel, Acc acc) const {
#pragma unroll
    for (int k = 0; k < kOperands; ++k) grad_operands[k][channel] = T(acc.at[k]);
  }
};

template <class T, class C>
void backward_with_operands(const Tensor& grad_x, const std::vector<Tensor>& grad_operands,
                            const Tensor& g, const Tensor& x, const std::vector<Tensor>& operands,
                            const C& chain) {
  const int64_t outer = x.size(0), channels = x.size(1), inner = x.size(2);
  BackwardFold<C, T> fold{
      chain, g.data_ptr<T>(), x.data_ptr<T>(), grad_x.data_ptr<T>(), {}, {}, channels, inner == 1,
      false};
  fold.aligned = all_aligned(fold.g, fold.x, fold.grad_x);
  for (size_t k = 0; k < operands.size(); ++k) {
    fold.operands[k] = operands[k].data_ptr<T>();
    fold.grad_operands[k] = grad_operands[k].data_ptr<T>();
  }
  fold_channels(fold, outer, channels, inner, x.device());
}

}  // namespace chain_detail

template <class C>
void chain_forward(const Tensor& y, const Tensor& x, const std::vector<Tensor>& operands,
                   const C& chain) {
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
  if constexpr (C::num_channel_operands == 0) {
    const chain_detail::BackwardCall<C> call{chain};
    if (x.dtype() == kDouble)
      ElementwiseDriver::run<double, double, double>(call, grad_x, g, x);
    else
      ElementwiseDriver::run<float, float, float>(call, grad_x, g, x);
  } else {
    dispatch_floating(x.dtype(), "chain backward", [&]<class T>() {
      chain_detail::backward_with_operands<T>(grad_x, grad_operands, g, x, operands, chain);
    });
  }
}

}  // namespace fg::cuda
