#include "autograd/ops/elementwise.h"
#include "autograd/ops/glu.h"
#include "autograd/ops/special.h"
#include "tests/fixture_ops.h"

namespace fg::test {

namespace {

optional<double> optional_number(const Arguments& a, const std::string& name) {
  return a.has(name) ? optional<double>(a.number(name)) : nullopt;
}

void add_listed_ops(OpTable& table) {
#define X(op, Functor) table[#op] = [](auto& t, auto&) { return Tensors{fg::op(t[0])}; };
  FOR_EACH_UNARY(X)
  FOR_EACH_ACTIVATION(X)
  FOR_EACH_PREDICATE(X)
#undef X
#define X(op, Functor) table[#op] = [](auto& t, auto&) { return Tensors{fg::op(t[0], t[1])}; };
  FOR_EACH_BINARY(X)
  FOR_EACH_COMPARISON(X)
  FOR_EACH_BITWISE(X)
#undef X
  table["logsigmoid"] = table["log_sigmoid"];
}

void add_activations(OpTable& table) {
  table["gelu"] = [](auto& t, auto& a) {
    return Tensors{gelu(t[0], a.text("approximate", "none"))};
  };
  table["glu"] = [](auto& t, auto& a) { return Tensors{glu(t[0], a.integer("dim"))}; };
  table["prelu"] = [](auto& t, auto&) { return Tensors{prelu(t[0], t[1])}; };
  table["leaky_relu"] = [](auto& t, auto& a) {
    return Tensors{leaky_relu(t[0], a.number("negative_slope", 0.01))};
  };
  table["elu"] = [](auto& t, auto& a) { return Tensors{elu(t[0], a.number("alpha", 1))}; };
  table["celu"] = [](auto& t, auto& a) { return Tensors{celu(t[0], a.number("alpha", 1))}; };
  table["hardtanh"] = [](auto& t, auto& a) {
    return Tensors{hardtanh(t[0], a.number("min_val", -1), a.number("max_val", 1))};
  };
  table["softplus"] = [](auto& t, auto& a) {
    return Tensors{softplus(t[0], a.number("beta", 1), a.number("threshold", 20))};
  };
  table["hardshrink"] = [](auto& t, auto& a) {
    return Tensors{hardshrink(t[0], a.number("lambd", 0.5))};
  };
  table["softshrink"] = [](auto& t, auto& a) {
    return Tensors{softshrink(t[0], a.number("lambd", 0.5))};
  };
  table["threshold"] = [](auto& t, auto& a) {
    return Tensors{threshold(t[0], a.number("threshold"), a.number("value"))};
  };
}

void add_composed_ops(OpTable& table) {
  table["round"] = [](auto& t, auto& a) {
    return Tensors{a.has("decimals") ? round(t[0], a.integer("decimals")) : round(t[0])};
  };
  table["sinc"] = [](auto& t, auto&) { return Tensors{sinc(t[0])}; };
  table["deg2rad"] = [](auto& t, auto&) { return Tensors{deg2rad(t[0])}; };
  table["rad2deg"] = [](auto& t, auto&) { return Tensors{rad2deg(t[0])}; };
  table["positive"] = [](auto& t, auto&) { return Tensors{positive(t[0])}; };
  table["rsub"] = [](auto& t, auto&) { return Tensors{rsub(t[0], t[1])}; };
  table["logaddexp2"] = [](auto& t, auto&) { return Tensors{logaddexp2(t[0], t[1])}; };
  table["isposinf"] = [](auto& t, auto&) { return Tensors{isposinf(t[0])}; };
  table["isneginf"] = [](auto& t, auto&) { return Tensors{isneginf(t[0])}; };
}

void add_ops_with_arguments(OpTable& table) {
  table["add"] = [](auto& t, auto& a) {
    return Tensors{a.has("alpha") ? add(t[0], t[1], a.scalar("alpha")) : t[0] + t[1]};
  };
  table["sub"] = [](auto& t, auto& a) {
    return Tensors{a.has("alpha") ? sub(t[0], t[1], a.scalar("alpha")) : t[0] - t[1]};
  };
  table["div"] = [](auto& t, auto& a) {
    return Tensors{a.has("rounding_mode") ? div(t[0], t[1], a.text("rounding_mode")) : t[0] / t[1]};
  };
  table["pow"] = [](auto& t, auto& a) {
    return Tensors{t.size() == 2 ? pow(t[0], t[1]) : pow(t[0], a.scalar("exponent"))};
  };
  table["bitwise_not"] = [](auto& t, auto&) { return Tensors{bitwise_not(t[0])}; };
  table["clamp"] = [](auto& t, auto& a) {
    if (t.size() == 3) return Tensors{clamp(t[0], t[1], t[2])};
    return Tensors{clamp(t[0], a.optional_scalar("min"), a.optional_scalar("max"))};
  };
  table["nan_to_num"] = [](auto& t, auto& a) {
    return Tensors{nan_to_num(t[0], a.number("nan", 0), optional_number(a, "posinf"),
                              optional_number(a, "neginf"))};
  };
  table["logit"] = [](auto& t, auto& a) { return Tensors{logit(t[0], optional_number(a, "eps"))}; };
  table["where"] = [](auto& t, auto&) { return Tensors{where(t[0], t[1], t[2])}; };
  table["lerp"] = [](auto& t, auto& a) {
    return Tensors{t.size() == 3 ? lerp(t[0], t[1], t[2]) : lerp(t[0], t[1], a.scalar("weight"))};
  };
  table["addcmul"] = [](auto& t, auto& a) {
    return Tensors{addcmul(t[0], t[1], t[2], a.scalar("value"))};
  };
  table["addcdiv"] = [](auto& t, auto& a) {
    return Tensors{addcdiv(t[0], t[1], t[2], a.scalar("value"))};
  };
}

}  // namespace

void add_elementwise_ops(OpTable& table) {
  add_listed_ops(table);
  add_activations(table);
  add_composed_ops(table);
  add_ops_with_arguments(table);
}

}  // namespace fg::test
