// Pointwise chains as types: Chain<Relu, Gelu, AddChannel> composes the functors of unary_ops.h and
// activation_ops.h at compile time. Forward and backward (intermediates recomputed, in registers)
// follow from the stages, once for CPU and CUDA; no formula is written again.
#pragma once

#include "tensor/kernels/activation_ops.h"

namespace fg::functors {

/// A stage with one operand per channel: y = x + c[channel].
struct AddChannel {
  static constexpr bool per_channel = true;
  template <class T>
  constexpr T forward(const T& x, const T& c) const {
    return x + c;
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T&) const {
    return g;
  }
  template <class T>
  constexpr T backward_channel(const T& g, const T&, const T&) const {
    return g;
  }
};
/// y = x * c[channel].
struct MulChannel {
  static constexpr bool per_channel = true;
  template <class T>
  constexpr T forward(const T& x, const T& c) const {
    return x * c;
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T& c) const {
    return g * c;
  }
  template <class T>
  constexpr T backward_channel(const T& g, const T& x, const T&) const {
    return g * x;
  }
};

template <class Stage>
inline constexpr bool takes_channel = requires {
  Stage::per_channel;
};

template <class... Stages>
struct Chain;

template <>
struct Chain<> {
  static constexpr int num_channel_operands = 0;
  static constexpr bool short_form = false;
  template <class T>
  constexpr T forward(const T& x, const T*) const {
    return x;
  }
  template <class T>
  constexpr T backward(const T& g, const T&, const T*, T*) const {
    return g;
  }
};

/// `c` holds the channel operands of one channel, in the order of the stages that take one.
template <class First, class... Rest>
struct Chain<First, Rest...> {
  First first{};
  Chain<Rest...> rest{};

  constexpr Chain() = default;
  constexpr explicit Chain(First head, Rest... tail) : first(head), rest(tail...) {}

  static constexpr int num_channel_operands =
      int(takes_channel<First>) + Chain<Rest...>::num_channel_operands;
  /// A chain has a short form if a stage has one; the other stages get floats all the same.
  static constexpr bool short_form = has_short_form<First> || Chain<Rest...>::short_form;

  template <class T>
  constexpr T forward(const T& x, const T* c) const {
    if constexpr (takes_channel<First>)
      return rest.forward(T(first.forward(argument(x), argument(c[0]))), c + 1);
    else
      return rest.forward(T(first.forward(argument(x))), c);
  }
  /// The gradient of x for the gradient g of forward(x, c); writes this element's contributions to
  /// the channel operands' gradients into `grad_c`.
  template <class T>
  constexpr T backward(const T& g, const T& x, const T* c, T* grad_c) const {
    if constexpr (takes_channel<First>) {
      const T y = first.forward(argument(x), argument(c[0]));
      const T grad_y = rest.backward(g, y, c + 1, grad_c + 1);
      grad_c[0] = first.backward_channel(argument(grad_y), argument(x), argument(c[0]));
      return first.backward(argument(grad_y), argument(x), argument(c[0]));
    } else {
      const T y = first.forward(argument(x));
      const T grad_y = rest.backward(g, y, c, grad_c);
      return first.backward(argument(grad_y), argument(x), argument(y));
    }
  }

 private:
  template <class T>
  static constexpr decltype(auto) argument(const T& x) {
    return argument_of<First>(x);
  }
};

}  // namespace fg::functors
