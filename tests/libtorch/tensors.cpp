// Tensors: factories, arithmetic, reductions, shapes, dtypes, printing.
#include "show.h"

namespace {

void factories() {
  show("empty", torch::empty({0, 3}));
  show("zeros", torch::zeros({2, 3}));
  show("ones", torch::ones(4, torch::kInt));
  show("full", torch::full({2, 2}, 7.5));
  show("full of ints", torch::full({3}, 7, torch::kLong));
  show("eye", torch::eye(3));
  show("eye of 2 by 3", torch::eye(2, 3, torch::kDouble));
  show("arange", torch::arange(5));
  show("arange from", torch::arange(1, 4, 0.5));
  show("arange of doubles", torch::arange(0.0, 1.0, 0.25, torch::kFloat64));
  show("linspace", torch::linspace(-1, 1, 9));
  show("logspace", torch::logspace(0, 3, 4));
  show("range", torch::range(1, 3, 0.5));
  show("like", torch::zeros_like(torch::ones({2, 1}, torch::kShort)));
  show("ones like", torch::ones_like(torch::zeros({3}), torch::kLong));
  show("full like", torch::full_like(torch::zeros({3}), 2.5));
  show("scalar", torch::tensor(3.5));
  show("int scalar", torch::tensor(3));
  show("bool scalar", torch::tensor(true));
  show("list", torch::tensor({1, 2, 3}));
  show("float list", torch::tensor({1.f, 2.5f}));
  show("double list", torch::tensor({1.0, 2.5}));
  show("nested list", torch::tensor({{1, 2}, {3, 4}, {5, 6}}));
  show("deep list", torch::tensor({{{1.0, 2.0}}, {{3.0, 4.0}}}, torch::kDouble));
  show("bool list", torch::tensor({true, false}));
  show("vector", torch::tensor(std::vector<double>{1, 2, 3}));
  show("int vector", torch::tensor(std::vector<int64_t>{1, 2, 3}));
  show("array", torch::tensor(at::ArrayRef<int>({4, 5})));
  show("empty list", torch::tensor({}));
  float memory[] = {1, 2, 3, 4, 5, 6};
  show("from_blob", torch::from_blob(memory, {2, 3}));
  show("from_blob with strides", torch::from_blob(memory, {3, 2}, {1, 3}));
  int frees = 0;
  {
    auto x = torch::from_blob(
        memory, {6}, [&](void*) { ++frees; }, torch::kFloat);
  }
  show("deleter calls", frees);
  show("tril_indices", torch::tril_indices(3, 3));
}

void options() {
  auto options = torch::dtype(torch::kFloat64).requires_grad(true);
  auto x = torch::ones({2}, options);
  show("requires grad", x.requires_grad());
  show("is double", x.dtype() == torch::kDouble);
  show("is leaf", x.is_leaf());
  auto y = torch::zeros({2}, torch::TensorOptions().dtype(torch::kInt).device(torch::kCPU));
  show("is cpu", y.device().is_cpu());
  show("device", y.device().str());
  print("device", y.device());
  print("device type", y.device().type());
  print("scalar type", y.scalar_type());
  print("sizes", torch::zeros({2, 3, 4}).sizes());
  print("strides", torch::zeros({2, 3, 4}).strides());
  show("same options", torch::ones({1}, x.options()).dtype() == torch::kDouble);
  show("layout", y.layout() == torch::kStrided);
  torch::Device device("cuda:1");
  show("index", int(device.index()));
  show("has index", device.has_index());
  show("cuda", device.is_cuda());
  show("equal devices", device == torch::Device(torch::kCUDA, 1));
  show("other device", device != torch::Device(torch::kCUDA, 0));
  show("is floating", torch::zeros({1}).is_floating_point());
  show("is signed", torch::zeros({1}, torch::kByte).is_signed());
  show("is complex", torch::zeros({1}).is_complex());
  show("numel", torch::zeros({2, 3}).numel());
  show("dim", torch::zeros({2, 3}).dim());
  show("element size", torch::zeros({2, 3}, torch::kHalf).element_size());
  show("nbytes", int64_t(torch::zeros({2, 3}, torch::kHalf).nbytes()));
  show("default dtype", torch::typeMetaToScalarType(torch::get_default_dtype()) == torch::kFloat);
  torch::set_default_dtype(torch::scalarTypeToTypeMeta(torch::kDouble));
  show("new default", torch::ones({1}));
  show("literals", torch::tensor({1.5f}));
  torch::set_default_dtype(torch::scalarTypeToTypeMeta(torch::kFloat));
}

void arithmetic() {
  auto a = torch::arange(6, torch::kFloat).view({2, 3}) - 2.5, b = torch::tensor({1.f, -2.f, 0.5f});
  show("add", a + b);
  show("sub", a - b);
  show("mul", a * b);
  show("div", a / b);
  show("scalars", 2 * a + 1 - a / 4);
  show("from scalar", 1 - a);
  show("over scalar", 1 / b);
  show("remainder", a % 2);
  show("neg", -a);
  show("add alpha", a.add(b, 2));
  show("sub alpha", torch::sub(a, b, 0.5));
  show("pow", a.pow(2));
  show("pow of scalar", torch::pow(2, a));
  show("pow tensors", torch::pow(a.abs(), b));
  show("floor divide", torch::floor_divide(a, 2));
  show("div floor", torch::div(a, b, "floor"));
  show("div trunc", a.div(2, "trunc"));
  show("fmod", torch::fmod(a, 2));
  show("less", a < b);
  show("ge", a >= 0);
  show("eq", torch::eq(a, a));
  show("ne", a != 0.5);
  show("and", (a > 0) & (a < 2));
  show("or", (a > 0) | (b < 0));
  show("xor", (a > 0) ^ (b < 0));
  show("not", ~(a > 0));
  show("logical", torch::logical_and(a, b));
  show("maximum", torch::maximum(a, b));
  show("max of two", torch::max(a, b));
  show("clamp", a.clamp(-1, 1));
  show("clamp min", a.clamp_min(0));
  show("clip", torch::clip(a, c10::nullopt, 1.5));
  show("where", torch::where(a > 0, a, b));
  show("lerp", torch::lerp(a, a + 1, 0.25));
  show("addcmul", torch::addcmul(a, a, b, 0.5));
  show("addcdiv", torch::addcdiv(a, a, b, 2));
  show("masked fill", a.masked_fill(a > 0, 9));
  show("isclose", torch::isclose(a, a + 1e-9));
  show("allclose", torch::allclose(a, a + 1e-9));
  show("equal", torch::equal(a, a.clone()));
  show("integers", torch::tensor({7, -7}) / 2);
  show("integer floor", torch::floor_divide(torch::tensor({7, 8}), 2));
  show("shift", torch::tensor({1, 2}).__lshift__(2));
  auto c = a.clone();
  c += 1;
  c *= b;
  c -= a;
  c /= 2;
  show("in place", c);
  show("add_", c.add_(b, 3));
  show("mul_", c.mul_(2).sub_(1).div_(4));
  show("clamp_", c.clamp_(-1, 1));
  show("fill_", c.fill_(3));
  show("zero_", c.zero_());
  show("multiply", torch::multiply(a, b));
  show("subtract", a.subtract(b));
  show("divide", a.divide(2));
  show("greater", torch::greater(a, 0));
}

void math() {
  auto x = torch::linspace(-2, 2, 9, torch::kDouble), p = x.abs() + 0.25;
  using F = torch::Tensor (*)(const torch::Tensor&);
  const std::pair<const char*, F> unary[] = {
      {"abs", torch::abs},         {"exp", torch::exp},         {"expm1", torch::expm1},
      {"sin", torch::sin},         {"cos", torch::cos},         {"tan", torch::tan},
      {"sinh", torch::sinh},       {"cosh", torch::cosh},       {"tanh", torch::tanh},
      {"atan", torch::atan},       {"asinh", torch::asinh},     {"erf", torch::erf},
      {"erfc", torch::erfc},       {"sigmoid", torch::sigmoid}, {"relu", torch::relu},
      {"floor", torch::floor},     {"ceil", torch::ceil},       {"trunc", torch::trunc},
      {"frac", torch::frac},       {"sign", torch::sign},       {"square", torch::square},
      {"neg", torch::neg},         {"exp2", torch::exp2},       {"sgn", torch::sgn},
      {"deg2rad", torch::deg2rad}, {"isnan", torch::isnan},     {"arctan", torch::arctan}};
  for (const auto& [name, f] : unary) show(name, f(x));
  show("round", torch::round(x));
  const std::pair<const char*, F> positive[] = {
      {"log", torch::log},
      {"log2", torch::log2},
      {"log10", torch::log10},
      {"log1p", torch::log1p},
      {"sqrt", torch::sqrt},
      {"rsqrt", torch::rsqrt},
      {"lgamma", torch::lgamma},
      {"digamma", torch::digamma},
      {"reciprocal", torch::reciprocal},
      {"acosh", [](const torch::Tensor& t) { return torch::acosh(t + 1); }},
      {"asin", [](const torch::Tensor& t) { return torch::asin(t / 4); }},
      {"acos", [](const torch::Tensor& t) { return torch::acos(t / 4); }},
      {"atanh", [](const torch::Tensor& t) { return torch::atanh(t / 4); }},
      {"erfinv", [](const torch::Tensor& t) { return torch::erfinv(t / 4); }}};
  for (const auto& [name, f] : positive) show(name, f(p));
  show("atan2", torch::atan2(x, p));
  show("hypot", torch::hypot(x, p));
  show("logaddexp", torch::logaddexp(x, p));
  show("xlogy", torch::xlogy(x, p));
  show("copysign", torch::copysign(p, x));
  show("logit", torch::logit(p / 4));
  show("nan_to_num", torch::nan_to_num(torch::tensor({NAN, INFINITY, -INFINITY, 1.f})));
  show("softmax", torch::softmax(x, 0));
  show("log_softmax", x.log_softmax(0));
  show("gelu", torch::gelu(x));
  show("softplus", torch::softplus(x));
  show("celu", torch::celu(x));
  show("in place", x.clone().exp_().log_().sin_());
}

// libtorch's own series stops early.
void inexact_math() {
  auto p = torch::linspace(0.25, 2, 8, torch::kDouble);
  show("polygamma", torch::polygamma(1, p));
  show("polygamma of order 3", p.polygamma(3));
}

void reductions() {
  auto x = torch::arange(24, torch::kFloat).view({2, 3, 4}).sin();
  show("sum", x.sum());
  show("sum dim", x.sum(1));
  show("sum dims", x.sum(torch::IntArrayRef({0, 2}), /*keepdim=*/true));
  show("sum dtype", torch::sum(torch::ones({3}, torch::kByte)));
  show("mean", x.mean());
  show("mean dim", torch::mean(x, {1, 2}));
  show("prod", x[0][0].prod());
  show("prod dim", x.prod(2));
  show("var", x.var());
  show("var dim", x.var(1, /*unbiased=*/false));
  show("std", x.std(2));
  show("max", x.max());
  auto [values, indices] = x.max(1);
  show("max values", values);
  show("max indices", indices);
  auto least = torch::min(x, 2, true);
  show("min values", std::get<0>(least));
  show("min indices", std::get<1>(least));
  show("argmax", x.argmax());
  show("argmin dim", x.argmin(2));
  show("amax", x.amax({0, 1}));
  show("norm", x.norm());
  show("norm 1", x.norm(1));
  show("norm dim", x.norm(2, {1}, true));
  show("any", (x > 0.99).any());
  show("all", (x > -2).all());
  show("all dim", (x > 0).all(1));
  show("count_nonzero", torch::count_nonzero(x > 0));
  show("logsumexp", torch::logsumexp(x, {1}));
  show("cumsum", x.cumsum(1));
  show("cumprod", x[0].cumprod(1));
  show("median", x.median());
  show("median dim", std::get<0>(x.median(2)));
  auto sorted = x.view({-1}).sort();
  show("sorted", std::get<0>(sorted));
  show("order", std::get<1>(sorted));
  auto top = x.topk(2, -1);
  show("topk", std::get<0>(top));
  show("topk indices", std::get<1>(top));
  show("kthvalue", std::get<0>(x.kthvalue(2, 1)));
  show("argsort", x.view({-1}).argsort(0, true));
  show("unique", std::get<0>(at::_unique2(torch::tensor({3, 1, 3, 2}), true, true, true)));
  show("bincount", torch::bincount(torch::tensor({0, 1, 1, 3})));
  auto both = torch::var_mean(x, 1);
  show("var_mean", std::get<0>(both));
  show("std_mean", std::get<1>(torch::std_mean(x, torch::IntArrayRef({0, 1}), true, true)));
  show("dist", torch::dist(x[0], x[1]));
  show("trace", torch::trace(x[0].slice(1, 0, 3)));
  show("diff", torch::diff(x, 1, 2));
}

void shapes() {
  auto x = torch::arange(24).view({2, 3, 4});
  show("transpose", x.transpose(0, 2));
  show("permute", x.permute({2, 0, 1}));
  show("t", x[0].t());
  show("reshape", x.reshape({4, -1}));
  show("view", x.view({6, 4}));
  show("view_as", x.view_as(torch::zeros({3, 8})));
  show("flatten", x.flatten(1));
  show("unsqueeze", x.unsqueeze(1).squeeze(1).unsqueeze(-1));
  show("expand", torch::tensor({1, 2}).unsqueeze(1).expand({2, 3}));
  show("repeat", torch::tensor({1, 2}).repeat({2, 2}));
  show("narrow", x.narrow(2, 1, 2));
  show("slice", x.slice(1, 0, 3, 2));
  show("select", x.select(1, 2));
  show("chunks", x.chunk(2, 2)[1]);
  show("split", x.split(2, 1)[1]);
  show("split sizes", x.split_with_sizes({1, 3}, 2)[1]);
  show("unbind", x.unbind(1)[2]);
  show("cat", torch::cat({x, x + 100}, 1));
  show("stack", torch::stack({x[0], x[1]}, 2));
  show("hstack", torch::hstack({x[0], x[1]}));
  show("flip", x.flip({0, 2}));
  show("roll", x.roll(1, 1));
  show("rot90", x[0].rot90());
  show("tril", x[0].tril());
  show("triu", torch::triu(x[0], 1));
  show("diagonal", x.diagonal(0, 1, 2));
  show("diag", torch::diag(torch::tensor({1, 2})));
  show("meshgrid", torch::meshgrid({torch::arange(2), torch::arange(3)}, "ij")[1]);
  show("movedim", x.movedim(0, 2));
  show("movedims", torch::movedim(x, {0, 1}, {1, 0}));
  show("swapaxes", x.swapaxes(0, 1));
  show("as_strided", torch::as_strided(x, {2, 2}, {1, 5}, 1));
  show("unfold", torch::arange(7).unfold(0, 3, 2));
  show("one hot", torch::one_hot(torch::tensor({0, 2}), 4));
  show("broadcast", torch::broadcast_to(torch::tensor({1, 2}), {2, 2}));
  show("tensor_split", torch::tensor_split(torch::arange(7), 3)[0]);
  show("repeat_interleave", torch::tensor({1, 2}).repeat_interleave(2));
  show("contiguous", x.transpose(0, 1).is_contiguous());
  show("made contiguous", x.transpose(0, 1).contiguous().is_contiguous());
  auto y = torch::zeros({2});
  y.resize_({3, 2});
  print("resized", y.sizes());
  auto z = torch::arange(4);
  auto view = z.view({2, 2});
  view[0][1] = 50;
  show("through a view", z);
  show("is view", view.is_view());
  show("is alias", z.is_alias_of(view));
}

void types() {
  auto x = torch::tensor({1.7, -2.5, 300.0}, torch::kDouble);
  for (auto type : {torch::kFloat, torch::kHalf, torch::kBFloat16, torch::kInt, torch::kLong,
                    torch::kShort, torch::kBool}) {
    show("to", x.to(type));
  }
  show("int + float", torch::ones({2}, torch::kInt) + torch::ones({2}));
  show("int + scalar", torch::ones({2}, torch::kInt) + 1.5);
  show("byte + int", torch::ones({2}, torch::kByte) + torch::ones({2}, torch::kInt));
  show("half + float", torch::ones({2}, torch::kHalf) + torch::ones({2}));
  show("half + zero dim", torch::ones({2}, torch::kHalf) + torch::tensor(1.5));
  show("half + bfloat", torch::ones({2}, torch::kHalf) + torch::ones({2}, torch::kBFloat16));
  show("bool + bool", torch::ones({2}, torch::kBool) + torch::ones({2}, torch::kBool));
  show("result type",
       torch::result_type(torch::ones({2}, torch::kInt), torch::ones({2})) == torch::kFloat);
  show("promote", torch::promote_types(torch::kHalf, torch::kInt) == torch::kHalf);
  show("item", torch::tensor(2.5).item<double>());
  show("int item", torch::tensor(2).item<int64_t>());
  show("toFloat", torch::tensor(2.5).item().toFloat());
  show("data", double(*torch::tensor({2.5f}).data_ptr<float>()));
  auto matrix = torch::arange(6, torch::kFloat).view({2, 3});
  auto access = matrix.accessor<float, 2>();
  double sum = 0;
  for (int64_t i = 0; i < access.size(0); ++i)
    for (int64_t j = 0; j < access.size(1); ++j) sum += access[i][j];
  show("accessor", sum);
  torch::Scalar scalar = 3;
  show("scalar is integral", scalar.isIntegral(false));
  show("scalar", scalar.to<double>());
  print("printed scalar", torch::Scalar(2.5));
}

void printing() {
  std::cout << torch::arange(3) << "\n" << torch::tensor({1.5, 2.25}) << "\n";
  std::cout << torch::arange(12, torch::kFloat).view({3, 4}) / 3 << "\n";
  std::cout << torch::arange(8).view({2, 2, 2}) << "\n";
  std::cout << torch::tensor(1.25) << "\n" << torch::tensor({true, false}) << "\n";
  std::cout << torch::tensor({1e-8, 1e8}) << "\n" << torch::tensor({NAN, INFINITY, 1.f}) << "\n";
  std::cout << torch::zeros({0}) << "\n" << torch::zeros({2, 0}) << "\n" << torch::Tensor() << "\n";
  std::cout << torch::tensor({{1, 200}, {-3, 4}}, torch::kInt) << "\n";
  std::cout << c10::str("a ", 1, " ", torch::tensor(2).sizes()) << "\n";
}

void out_forms() {
  auto a = torch::tensor({1.f, 2.f}), b = torch::tensor({3.f, 5.f}), out = torch::empty({0});
  show("add_out", torch::add_out(out, a, b));
  show("mul_out", torch::mul_out(out, a, b));
  show("exp_out", torch::exp_out(out, a));
  show("matmul_out", torch::matmul_out(out, a, b));
  show("cat_out", torch::cat_out(out, {a, b}));
  show("stack_out", torch::stack_out(out, {a, b}, 1));
  show("sum_out", torch::sum_out(out, torch::eye(2), {0}));
  show("linear_out", torch::linear_out(out, a, torch::eye(2), b));
  auto indices = torch::empty({0}, torch::kLong);
  torch::max_out(out, indices, torch::eye(2), 0);
  show("max_out", out);
  show("max_out indices", indices);
  show("out", out);
}

void linear_algebra() {
  auto a = torch::arange(6, torch::kDouble).view({2, 3}),
       b = torch::arange(12, torch::kDouble).view({3, 4}).sin();
  show("mm", torch::mm(a, b));
  show("matmul", torch::matmul(a, b));
  show("batched", torch::matmul(b.view({2, 2, 3}), a.t()));
  show("bmm", torch::bmm(b.view({2, 2, 3}), torch::stack({a.t(), a.t() + 1})));
  show("mv", a.mv(b[0].slice(0, 0, 3)));
  show("dot", torch::dot(b[0], b[1]));
  show("outer", torch::outer(b[0], b[1]));
  show("addmm", torch::addmm(torch::ones({2, 4}, torch::kDouble), a, b, 0.5, 2));
  show("addmv", torch::addmv(torch::ones({2}, torch::kDouble), a, b[0].slice(0, 0, 3)));
  show("baddbmm", torch::baddbmm(torch::ones({2, 2, 2}, torch::kDouble), b.view({2, 2, 3}),
                                 torch::stack({a.t(), a.t()})));
  show("einsum", torch::einsum("ij,jk->ki", {a, b}));
  show("inner", torch::inner(a, b.t()));
  show("cross", torch::cross(a, a.flip({1}), 1));
  show("norm", b.norm(2));
  show("cosine", torch::cosine_similarity(b, b + 1, 1));
  show("pairwise", torch::pairwise_distance(b, b * 2));
}

}  // namespace

int main() {
  run_case("factories", 1e-6, 0, factories);
  run_case("options", 0, 0, options);
  run_case("arithmetic", 1e-6, 0, arithmetic);
  run_case("math", 1e-12, 1e-14, math);
  run_case("inexact math", 2e-8, 0, inexact_math);
  run_case("reductions", 2e-6, 1e-7, reductions);
  run_case("shapes", 0, 0, shapes);
  run_case("types", 0, 0, types);
  run_case("printing", 0, 0, printing);
  run_case("out forms", 1e-6, 0, out_forms);
  run_case("linear algebra", 1e-12, 1e-14, linear_algebra);
}
