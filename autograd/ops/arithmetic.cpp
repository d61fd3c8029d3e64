// Elementwise ops with more than two operands or with parameters: add, where, clamp, lerp, ...
#include <cmath>

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise_nodes.h"
#include "tensor/profiler.h"

namespace fg {

using functors::Saves;

namespace {

functors::Add add_functor(const Scalar& alpha, ScalarType type, const char* op) {
  ENSURE(is_floating(type) || !alpha.isFloatingPoint(), op,
         ": alpha must be an integer for an integral result, got ", alpha);
  functors::Add f;
  f.alpha = alpha.toDouble();
  f.integer_alpha = is_floating(type) ? 1 : alpha.toLong();
  return f;
}

void check_no_bool_difference(const Tensor& a, const Tensor& b) {
  ENSURE(a.dtype() != kBool || b.dtype() != kBool,
         "sub: difference of two Bool tensors is not defined; use logical_xor");
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b, const Scalar& alpha) {
  const profiler::RecordOp recorded("add", a, b);
  return apply_binary(a, b, add_functor(alpha, result_type(a, b), "add"), "add");
}
Tensor& add_(const Tensor& a, const Tensor& b, const Scalar& alpha) {
  const profiler::RecordOp recorded("add_", a, b);
  return apply_binary_inplace(a, b, add_functor(alpha, a.dtype(), "add_"), "add_");
}
Tensor sub(const Tensor& a, const Tensor& b, const Scalar& alpha) {
  const profiler::RecordOp recorded("sub", a, b);
  check_no_bool_difference(a, b);
  return apply_binary(a, b, add_functor(-alpha, result_type(a, b), "sub"), "sub");
}
Tensor& sub_(const Tensor& a, const Tensor& b, const Scalar& alpha) {
  const profiler::RecordOp recorded("sub_", a, b);
  check_no_bool_difference(a, b);
  return apply_binary_inplace(a, b, add_functor(-alpha, a.dtype(), "sub_"), "sub_");
}
Tensor add(const Tensor& a, const Scalar& b, const Scalar& alpha) {
  return add(a, wrapped_scalar(b), alpha);
}
Tensor sub(const Tensor& a, const Scalar& b, const Scalar& alpha) {
  return sub(a, wrapped_scalar(b), alpha);
}
Tensor sub(const Scalar& a, const Tensor& b) { return sub(wrapped_scalar(a), b); }
Tensor rsub(const Tensor& a, const Scalar& b) { return sub(b, a); }

Tensor TensorMethods::add(const Tensor& other, const Scalar& alpha) const {
  return fg::add(self(), other, alpha);
}
Tensor TensorMethods::add(const Scalar& other, const Scalar& alpha) const {
  return fg::add(self(), other, alpha);
}
Tensor& TensorMethods::add_(const Tensor& other, const Scalar& alpha) const {
  return fg::add_(self(), other, alpha);
}
Tensor& TensorMethods::add_(const Scalar& other, const Scalar& alpha) const {
  return fg::add_(self(), wrapped_scalar(other), alpha);
}
Tensor TensorMethods::sub(const Tensor& other, const Scalar& alpha) const {
  return fg::sub(self(), other, alpha);
}
Tensor TensorMethods::sub(const Scalar& other, const Scalar& alpha) const {
  return fg::sub(self(), other, alpha);
}
Tensor& TensorMethods::sub_(const Tensor& other, const Scalar& alpha) const {
  return fg::sub_(self(), other, alpha);
}
Tensor& TensorMethods::sub_(const Scalar& other, const Scalar& alpha) const {
  return fg::sub_(self(), wrapped_scalar(other), alpha);
}
Tensor TensorMethods::bitwise_not() const { return fg::bitwise_not(self()); }

Tensor div(const Tensor& a, const Tensor& b, const RoundingMode& rounding_mode) {
  const profiler::RecordOp recorded("div", a, b);
  if (!rounding_mode) return div(a, b);
  if (*rounding_mode == "floor") return floor_divide(a, b);
  ENSURE(*rounding_mode == "trunc", "div: rounding_mode must be trunc or floor, got ",
         *rounding_mode);
  if (is_floating(result_type(a, b))) return trunc(div(a, b));
  // Integers: the exact quotient is the floor, plus one where that went below a negative fraction.
  const Tensor quotient = floor_divide(a, b);
  const Tensor exact = remainder(a, b).eq(0);
  return where(quotient.lt(0).logical_and(exact.logical_not()), quotient.add(1), quotient);
}
Tensor div(const Tensor& a, const Scalar& b, const RoundingMode& rounding_mode) {
  return div(a, wrapped_scalar(b), rounding_mode);
}

// where.

namespace {

struct WhereBackward : Node {
  Saved condition{this};
  std::string name() const override { return "WhereBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor c = condition.unpack();
    std::vector<Tensor> result(2);
    if (needs(0)) result[0] = where(c, grads[0], Scalar(0));
    if (needs(1)) result[1] = where(c, Scalar(0), grads[0]);
    return result;
  }
};

}  // namespace

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  const profiler::RecordOp recorded("where", condition, a, b);
  ENSURE(condition.dtype() == kBool || condition.dtype() == kByte,
         "where: condition must have dtype Bool, got ", condition.dtype());
  const Device device =
      common_device(condition, common_device(a, b, "where") == a.device() ? a : b, "where");
  const DimVector shape =
      broadcast_shapes(condition.sizes(), broadcast_shapes(a.sizes(), b.sizes(), "where"), "where");
  auto node = make_node<WhereBackward>(a, b);
  const Tensor y = empty(shape, TensorOptions(result_type(a, b)).device(device));
  ON_DEVICE(y, where, y, condition, a, b);
  if (node) {
    node->condition.save(condition);
    node->attach(y);
  }
  return y;
}
Tensor where(const Tensor& condition, const Tensor& a, const Scalar& b) {
  return where(condition, a, wrapped_scalar(b));
}
Tensor where(const Tensor& condition, const Scalar& a, const Tensor& b) {
  return where(condition, wrapped_scalar(a), b);
}
Tensor where(const Tensor& condition, const Scalar& a, const Scalar& b) {
  const profiler::RecordOp recorded("where", condition);
  const ScalarType type = result_type(wrapped_scalar(a), wrapped_scalar(b));
  return where(condition, scalar_tensor(a, TensorOptions(type)),
               scalar_tensor(b, TensorOptions(type)));
}
Tensor TensorMethods::where(const Tensor& condition, const Tensor& other) const {
  return fg::where(condition, self(), other);
}

// addcmul, addcdiv, lerp.

namespace {

enum class Fused { mul, div };

template <Fused kind>
struct AddcBackward : Node {
  double value = 1;
  Saved a{this}, b{this};
  std::string name() const override {
    return kind == Fused::mul ? "AddcmulBackward" : "AddcdivBackward";
  }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor x = a.unpack(), z = b.unpack();
    const Tensor g = needs(1) || needs(2) ? grads[0] * value : Tensor();
    std::vector<Tensor> result(3);
    result[0] = grads[0];
    if (needs(1)) result[1] = kind == Fused::mul ? g * z : g / z;
    if (needs(2)) result[2] = kind == Fused::mul ? g * x : -g * (x / (z * z));
    return result;
  }
};

template <Fused kind>
void run_addc(const Tensor& out, const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  if (kind == Fused::mul)
    ON_DEVICE(out, addcmul, out, x, a, b, value);
  else
    ON_DEVICE(out, addcdiv, out, x, a, b, value);
}

template <Fused kind>
DimVector addc_shape(const Tensor& x, const Tensor& a, const Tensor& b, const char* op) {
  check_inplace_device(x, a, op);
  check_inplace_device(x, b, op);
  ENSURE(kind == Fused::mul || a.is_floating_point() || b.is_floating_point(), op,
         ": the quotient's operands must not both be integral, got ", a.dtype(), " and ",
         b.dtype());
  return broadcast_shapes(x.sizes(), broadcast_shapes(a.sizes(), b.sizes(), op), op);
}

template <Fused kind>
void save_addc(AddcBackward<kind>& node, const Tensor& a, const Tensor& b, double value) {
  node.value = value;
  if (node.needs(2)) node.a.save(a);
  if (node.needs(1) || (kind == Fused::div && node.needs(2))) node.b.save(b);
}

template <Fused kind>
Tensor addc(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value,
            const char* op) {
  const profiler::RecordOp recorded(op, x, a, b);
  const DimVector shape = addc_shape<kind>(x, a, b, op);
  auto node = make_node<AddcBackward<kind>>(x, a, b);
  const ScalarType type = result_type(x, a, b);
  const Tensor y = empty(shape, TensorOptions(type).device(x.device()));
  run_addc<kind>(y, x, a, b, value.toDouble());
  if (node) {
    save_addc(*node, a, b, value.toDouble());
    node->attach(y);
  }
  return y;
}

template <Fused kind>
Tensor& addc_inplace(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value,
                     const char* op) {
  const profiler::RecordOp recorded(op, x, a, b);
  check_inplace(x, op, needs_recording(a, b));
  const Tensor first = unaliased(x, a), second = unaliased(x, b);
  check_inplace_result(x, addc_shape<kind>(x, a, b, op), result_type(x, a, b), op);
  auto node = make_node<AddcBackward<kind>>(x, first, second);
  if (node) {
    save_addc(*node, first.is_alias_of(x) ? first.clone() : first,
              second.is_alias_of(x) ? second.clone() : second, value.toDouble());
  }
  run_addc<kind>(x, x, first, second, value.toDouble());
  finish_inplace(x, node);
  return const_cast<Tensor&>(x);
}

struct LerpBackward : Node {
  Saved start{this}, end{this}, weight{this};
  std::string name() const override { return "LerpBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor w = weight.unpack();
    std::vector<Tensor> result(3);
    // Not g * (1 - w): for a weight that is a C++ number the bracket would be in the default dtype.
    if (needs(0)) result[0] = grads[0] - grads[0] * w;
    if (needs(1)) result[1] = grads[0] * w;
    if (needs(2)) result[2] = grads[0] * (end.unpack() - start.unpack());
    return result;
  }
};

}  // namespace

Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value) {
  if (detail::is_autocast()) return detail::autocast_call("addcmul", addcmul, x, a, b, value);
  return addc<Fused::mul>(x, a, b, value, "addcmul");
}
Tensor& addcmul_(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value) {
  return addc_inplace<Fused::mul>(x, a, b, value, "addcmul_");
}
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value) {
  if (detail::is_autocast()) return detail::autocast_call("addcdiv", addcdiv, x, a, b, value);
  return addc<Fused::div>(x, a, b, value, "addcdiv");
}
Tensor& addcdiv_(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value) {
  return addc_inplace<Fused::div>(x, a, b, value, "addcdiv_");
}
Tensor TensorMethods::addcmul(const Tensor& a, const Tensor& b, const Scalar& value) const {
  return fg::addcmul(self(), a, b, value);
}
Tensor& TensorMethods::addcmul_(const Tensor& a, const Tensor& b, const Scalar& value) const {
  return fg::addcmul_(self(), a, b, value);
}
Tensor TensorMethods::addcdiv(const Tensor& a, const Tensor& b, const Scalar& value) const {
  return fg::addcdiv(self(), a, b, value);
}
Tensor& TensorMethods::addcdiv_(const Tensor& a, const Tensor& b, const Scalar& value) const {
  return fg::addcdiv_(self(), a, b, value);
}

Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight) {
  const profiler::RecordOp recorded("lerp", start, end, weight);
  ENSURE(start.dtype() == end.dtype(), "lerp: end must have dtype ", start.dtype(),
         " (start's), got ", end.dtype());
  const DimVector shape = broadcast_shapes(
      weight.sizes(), broadcast_shapes(start.sizes(), end.sizes(), "lerp"), "lerp");
  check_inplace_device(start, end, "lerp");
  check_inplace_device(start, weight, "lerp");
  auto node = make_node<LerpBackward>(start, end, weight);
  const Tensor y = empty(shape, start.options());
  ON_DEVICE(y, lerp, y, start, end, weight);
  if (node) {
    node->weight.save(weight);
    if (node->needs(2)) node->start.save(start), node->end.save(end);
    node->attach(y);
  }
  return y;
}
Tensor lerp(const Tensor& start, const Tensor& end, const Scalar& weight) {
  return lerp(start, end, wrapped_scalar(weight));
}
Tensor& lerp_(const Tensor& start, const Tensor& end, const Scalar& weight) {
  const profiler::RecordOp recorded("lerp_", start, end);
  check_inplace(start, "lerp_");
  check_inplace_result(start, broadcast_shapes(start.sizes(), end.sizes(), "lerp_"), end.dtype(),
                       "lerp_");
  return start.copy_(lerp(start, end, weight));
}
Tensor TensorMethods::lerp(const Tensor& end, const Scalar& weight) const {
  return fg::lerp(self(), end, weight);
}
Tensor TensorMethods::lerp(const Tensor& end, const Tensor& weight) const {
  return fg::lerp(self(), end, weight);
}
Tensor& TensorMethods::lerp_(const Tensor& end, const Scalar& weight) const {
  return fg::lerp_(self(), end, weight);
}

}  // namespace fg
