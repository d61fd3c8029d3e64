// Nodes and drivers of the elementwise ops, as templates over the functor. Internal to autograd/.
#pragma once

#include "autograd/ops/elementwise.h"
#include "autograd/record.h"
#include "tensor/factories.h"
#include "tensor/kernels/activation_ops.h"
#include "tensor/kernels/comparison_ops.h"
#include "tensor/kernels/division_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/on_device.h"
#include "tensor/shape.h"

namespace fg {

/// "Sigmoid" for functors::Sigmoid: what nodes are named after.
template <class F>
inline constexpr const char* functor_name = nullptr;
#define X(op, Functor) \
  template <>          \
  inline constexpr const char* functor_name<functors::Functor> = #Functor;
FOR_EACH_UNARY(X)
FOR_EACH_ACTIVATION(X)
FOR_EACH_BINARY(X)
#undef X
#define X(Functor) \
  template <>      \
  inline constexpr const char* functor_name<functors::Functor> = #Functor;
FOR_EACH_PARAMETRIC_UNARY(X)
#undef X
template <>
inline constexpr const char* functor_name<functors::Add> = "Add";

/// One kernel for the gradient; the same formula on tensors when the gradient is itself recorded.
template <class F>
struct UnaryBackward : Node {
  F f{};
  Saved saved{this};

  std::string name() const override { return std::string(functor_name<F>) + "Backward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor& g = grads[0];
    const Tensor s = F::saves == functors::Saves::nothing ? g : saved.unpack();
    if (GradMode::is_enabled()) return {f.backward(g, s, s)};
    const Tensor result = empty_like(s, g.options());
    ON_DEVICE(g, unary_backward, result, g, s, f);
    return {result};
  }
};

template <class F>
ScalarType unary_result_type(const Tensor& x) {
  return F::integral || x.is_floating_point() ? x.dtype() : get_default_dtype();
}

template <class F>
Tensor apply_unary(const Tensor& x, const F& f) {
  auto node = make_node<UnaryBackward<F>>(x);
  const Tensor y = empty_like(x, TensorOptions(unary_result_type<F>(x)));
  ON_DEVICE(x, unary_forward, y, x, f);
  if (node) {
    node->f = f;
    node->attach(y);
    if (F::saves == functors::Saves::input) node->saved.save(x);
    if (F::saves == functors::Saves::output) node->saved.save(y);
  }
  return y;
}

template <class F>
Tensor& apply_unary_inplace(const Tensor& x, const F& f, const char* op) {
  check_inplace(x, op);
  ENSURE(unary_result_type<F>(x) == x.dtype(), op, ": result type ", unary_result_type<F>(x),
         " cannot be written into a tensor of dtype ", x.dtype());
  auto node = make_node<UnaryBackward<F>>(x);
  if (node) {
    node->f = f;
    // The input is about to be overwritten.
    if (F::saves == functors::Saves::input) node->saved.save(x.clone());
  }
  ON_DEVICE(x, unary_forward, x, x, f);
  finish_inplace(x, node);
  if (node && F::saves == functors::Saves::output) node->saved.save_output(x);
  return const_cast<Tensor&>(x);
}

/// The gradients are the functor's formulas on tensors, so second order needs nothing more.
template <class F>
struct BinaryBackward : Node {
  F f{};
  Saved a{this}, b{this}, y{this};

  std::string name() const override { return std::string(functor_name<F>) + "Backward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor& g = grads[0];
    const Tensor x = a.unpack(), z = b.unpack(), out = y.unpack();
    std::vector<Tensor> result(2);
    if (needs(0)) result[0] = f.grad_a(g, x, z, out);
    if (needs(1)) result[1] = f.grad_b(g, x, z, out);
    return result;
  }
  /// Which of a, b, y the wanted gradients read.
  unsigned uses() const {
    return (needs(0) ? F::grad_a_uses : 0u) | (needs(1) ? F::grad_b_uses : 0u);
  }
};

/// The dtype of an elementwise result of three operands.
ScalarType result_type(const Tensor& a, const Tensor& b, const Tensor& c);

/// The result type of a binary functor: true division and its kin never stay integral.
template <class F>
ScalarType binary_result_type(const Tensor& a, const Tensor& b) {
  const ScalarType common = result_type(a, b);
  return F::integral || is_floating(common) ? common : get_default_dtype();
}

/// The device of an elementwise result. A CPU tensor without dims goes with operands on the GPU: it
/// travels by value.
inline Device common_device(const Tensor& a, const Tensor& b, const char* op) {
  const auto by_value = [](const Tensor& t) { return t.is_cpu() && t.dim() == 0; };
  ENSURE(a.device() == b.device() || by_value(a) || by_value(b), op,
         ": tensors must be on one device, got ", a.device(), " and ", b.device());
  return a.is_cuda() ? a.device() : b.device();
}
inline void check_inplace_device(const Tensor& self, const Tensor& other, const char* op) {
  ENSURE(common_device(self, other, op) == self.device(), op, ": the written tensor is on ",
         self.device(), ", the other operand on ", other.device());
}

template <class F>
Tensor apply_binary(const Tensor& a, const Tensor& b, const F& f, const char* op) {
  const ScalarType type = binary_result_type<F>(a, b);
  const TensorOptions options = TensorOptions(type).device(common_device(a, b, op));
  auto node = make_node<BinaryBackward<F>>(a, b);
  const bool same = a.sizes() == b.sizes();
  // A dense operand of the result's shape lends its memory order.
  const Tensor y = same || b.dim() == 0 ? empty_like(a, options)
                   : a.dim() == 0       ? empty_like(b, options)
                                  : empty(broadcast_shapes(a.sizes(), b.sizes(), op), options);
  ON_DEVICE(y, binary_forward, y, a, b, f);
  if (node) {
    node->f = f;
    node->attach(y);
    const unsigned uses = node->uses();
    if (uses & functors::kUsesA) node->a.save(a);
    if (uses & functors::kUsesB) node->b.save(b);
    if (uses & functors::kUsesY) node->y.save(y);
  }
  return y;
}

/// `other` for an in-place op on `self`: a copy when the two overlap without being the same elements.
inline Tensor unaliased(const Tensor& self, const Tensor& other) {
  const bool same = self.storage_offset() == other.storage_offset() &&
                    self.sizes() == other.sizes() && self.strides() == other.strides();
  return self.is_alias_of(other) && !same ? other.clone() : other;
}

inline void check_inplace_result(const Tensor& self, IntArrayRef shape, ScalarType type,
                                 const char* op) {
  ENSURE(shape.equals(self.sizes()), op, ": the written tensor of shape ", self.sizes(),
         " must have the broadcast shape ", shape);
  ENSURE(can_cast(type, self.dtype()), op, ": result type ", type,
         " cannot be written into a tensor of dtype ", self.dtype());
}

template <class F>
Tensor& apply_binary_inplace(const Tensor& a, const Tensor& other, const F& f, const char* op) {
  check_inplace(a, op, needs_recording(other));
  check_inplace_device(a, other, op);
  const Tensor b = unaliased(a, other);
  const ScalarType type = binary_result_type<F>(a, b);
  check_inplace_result(a, broadcast_shapes(a.sizes(), b.sizes(), op), type, op);
  // A Double operand of a Float tensor counts in full: only the result is rounded.
  if (compute_type(type) != compute_type(a.dtype()))
    return a.copy_(apply_binary(a.clone(), b, f, op));
  auto node = make_node<BinaryBackward<F>>(a, b);
  const unsigned uses = node ? node->uses() : 0u;
  if (node) {
    node->f = f;
    if (uses & functors::kUsesA) node->a.save(a.clone());
    if (uses & functors::kUsesB) node->b.save(b.is_same(a) ? b.clone() : b);
  }
  ON_DEVICE(a, binary_forward, a, a, b, f);
  finish_inplace(a, node);
  if (uses & functors::kUsesY) node->y.save_output(a);
  return const_cast<Tensor&>(a);
}

}  // namespace fg
