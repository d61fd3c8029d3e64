// Rarer ops as methods and as functions: order statistics, writes that reduce, in-place and _out forms,
// draws, and the namespaces linalg and special.
#include <ATen/CPUGeneratorImpl.h>

#include "show.h"

namespace {

torch::Tensor values() {
  return torch::tensor({{0.3, 1.7, -0.4, 2.25}, {2.2, -1.1, 0.9, -0.7}, {1.3, 0.1, -2.4, 0.6}},
                       torch::kDouble);
}
torch::Tensor longs(std::vector<int64_t> list) { return torch::tensor(list, torch::kLong); }
const auto kNan = std::numeric_limits<double>::quiet_NaN();

void elementwise() {
  const auto x = values(), y = x.flip({0}) + 0.25, big = x.abs() + 2;
  show("round", torch::round(x * 10, 1));
  show("round method", x.round(1));
  show("clamp", x.clamp(y));
  show("clamp both", torch::clamp(x, y, y + 1));
  show("clip", x.clip(y, y + 1));
  show("clamp_min", torch::clamp_min(x, y));
  show("clamp_max", x.clamp_max(y));
  show("lerp_", x.clone().lerp_(y, big));
  show("ldexp", x.ldexp(longs({1, 2, -3, 0})));
  show("heaviside", x.sign().round().heaviside(torch::full({}, 0.5, torch::kDouble)));
  show("gcd", torch::gcd(longs({12, -18, 0, 7}), longs({8, 12, 5, 0})));
  show("lcm", longs({12, -18, 0, 7}).lcm(longs({8, 12, 5, 0})));
  show("logaddexp2", x.logaddexp2(y));
  show("mvlgamma", big.mvlgamma(2));
  show("float_power", x.abs().float_power(2));
  show("float_power of a number", torch::float_power(2, x));
  show("rsub", torch::rsub(x, 2, 3));
  show("nan_to_num", torch::tensor({kNan, 1.0}, torch::kDouble).nan_to_num(c10::nullopt, 3.0));
  show("divide", x.divide(y, "floor"));
  const c10::optional<c10::string_view> mode("trunc");
  show("div of a variable mode", torch::div(x, y, mode));
  show("isin", torch::isin(longs({1, 2, 3}), 2));
  show("isin of a number", torch::isin(2, longs({1, 2, 3})));
  show("bucketize", torch::bucketize(x, torch::tensor({-1.0, 0.0, 1.0}, torch::kDouble), true));
  const auto sorter = longs({2, 0, 1}), unsorted = torch::tensor({3.0, 5.0, 1.0});
  show("searchsorted",
       torch::searchsorted(unsorted, torch::tensor({3.0, 4.0}), false, false, "right", sorter));
}

void in_place() {
  const auto x = values(), y = x.flip({0}) + 0.25;
  auto z = x.clone();
  show("round_", x.clone().round_(1));
  show("clamp_", x.clone().clamp_(y, y + 1));
  show("clip_", torch::clip_(z = x.clone(), 0, 1));
  show("clamp_min_", torch::clamp_min_(z = x.clone(), 0.5));
  show("clamp_max_", x.clone().clamp_max_(y));
  show("ldexp_", x.clone().ldexp_(y));
  show("deg2rad_", torch::deg2rad_(z = x.clone()));
  show("rad2deg_", x.clone().rad2deg_());
  show("sinc_", x.clone().sinc_());
  show("mvlgamma_", (x.abs() + 1).mvlgamma_(2));
  show("polygamma_", (x.abs() + 1).polygamma_(1));
  show("float_power_", x.clone().float_power_(2));
  show("renorm_", x.clone().renorm_(2, 0, 1));
  show("logit_", torch::logit_(z = x.sigmoid()));
  show("nan_to_num_", torch::nan_to_num_(z = x.clone()));
  show("divide_", x.clone().divide_(2, "trunc"));
  show("cumsum_", x.clone().cumsum_(1));
  show("cumprod_", x.clone().cumprod_(0));
  show("addr_", x.clone().addr_(x.select(1, 0), x.select(0, 1), 0.5, 2));
  show("addmv_", torch::addmv_(z = torch::ones({3}, torch::kDouble), x, x[0]));
  show("addbmm_", torch::zeros({3, 3}, torch::kDouble)
                      .addbmm_(torch::stack({x, x}), torch::stack({y.t(), x.t()})));
  show("gcd_", longs({12, 18}).gcd_(longs({8, 12})));
  show("fill_", torch::fill_(z = torch::zeros({2}), 3));
  show("zero_", torch::zero_(z = torch::ones({2})));
  show("gelu_", at::gelu_(z = x.clone(), "tanh"));
  show("as_strided_", torch::arange(8).as_strided_({2, 2}, {3, 1}, 1));
  show("arctan_", torch::arctan_(z = x.clone()));
  auto target = torch::zeros({3});
  show("set_", target.set_(torch::ones({2, 2})));
  show("resize_as_", torch::resize_as_(z = torch::zeros({3}), torch::ones({1, 2})).numel());
  throws("into integers", [] { longs({1}).float_power_(2); });
  throws("on a leaf", [] { torch::ones({2}, torch::requires_grad()).sinc_(); });
}

void statistics() {
  const auto x = values(), q = torch::tensor({0.1, 0.5, 0.8}, torch::kDouble);
  auto gaps = x.clone();
  gaps.index_put_({0, 1}, kNan);
  show("quantile", x.quantile(0.3));
  show("quantile of many", torch::quantile(x, q, 1, true));
  show("quantile lower", x.quantile(q, 0, false, "lower"));
  show("nanquantile", gaps.nanquantile(q, 1));
  show("nanmedian", gaps.nanmedian());
  show("nanmedian along", std::get<0>(gaps.nanmedian(1)));
  show("mode", std::get<0>(longs({3, 1, 1, 3, 2}).mode()));
  show("aminmax", std::get<1>(x.aminmax(1)));
  show("aminmax of all", std::get<0>(torch::aminmax(x)));
  show("cov", x.cov());
  show("cov weighted", x.cov(1, longs({1, 2, 1, 3}), x[1].abs()));
  show("corrcoef", x.corrcoef());
  show("histogram", std::get<0>(x.histogram(4)));
  show("histogram edges", std::get<1>(torch::histogram(x, 4, std::vector<double>{-1, 1})));
  show("histogram of bins",
       std::get<0>(torch::histogram(x, torch::tensor({-2.0, 0.0, 3.0}, torch::kDouble))));
  show("histc", torch::histc(x, 3, -1, 1));
  show("var", x.var(1, c10::optional<int64_t>(2)));
  show("std", torch::std(x, torch::IntArrayRef({0, 1}), /*unbiased=*/false));
  show("std_mean", std::get<1>(torch::std_mean(x)));
  show("norm in double", torch::ones({4}).norm(2, torch::kDouble));
  show("norm over dims", x.norm(c10::optional<torch::Scalar>(), {1}, true, torch::kDouble));
  show("nansum", gaps.nansum(1));
  show("nanmean", torch::nanmean(gaps));
  show("diff", x.diff(1, 1, x.slice(1, 0, 1), x.slice(1, 3)));
  show("trapezoid", torch::trapezoid(x));
  show("cumulative_trapezoid", torch::cumulative_trapezoid(x, 0.5, 0));
  show("sort", std::get<0>(x.sort(/*stable=*/true, 0)));
  show("argsort", x.argsort(/*stable=*/true, 1, true));
  show("renorm", x.renorm(1, 1, 2));
  show("combinations", torch::combinations(x[0]));
  show("cartesian_prod", torch::cartesian_prod({x[0], x[1]}));
  show("vander", torch::vander(x[0], 3));
  show("cdist", torch::cdist(x, x + 1));
  show("pdist", torch::pdist(x));
  show("hann", torch::hann_window(5, torch::kDouble));
  show("hamming", torch::hamming_window(5, false));
}

void shapes() {
  const auto x = torch::arange(24).view({2, 3, 4});
  show("mH", x.mH());
  show("matrix_H", x[0].matrix_H());
  show("adjoint", torch::adjoint(x));
  show("numpy_T", x.numpy_T());
  show("hsplit", x.hsplit(3)[1]);
  show("vsplit", x.vsplit({1})[0]);
  show("dsplit", x.dsplit(2)[1]);
  show("narrow", x.narrow(2, torch::tensor(1), 2));
  show("repeat_interleave", x.repeat_interleave(longs({2, 1, 0}), 1));
  show("repeat_interleave size", torch::repeat_interleave(x[0][0], 2, 0, 8));
  show("repeats", torch::repeat_interleave(longs({2, 0, 1})));
  show("select_scatter", x.select_scatter(torch::ones({2, 4}, torch::kLong), 1, 2));
  show("slice_scatter", x.slice_scatter(torch::ones({2, 1, 4}, torch::kLong), 1, 1, 2));
  show("diagonal_scatter", x[0].diagonal_scatter(longs({7, 7, 7})));
  show("as_strided_scatter", x.as_strided_scatter(longs({50, 51}), {2}, {5}, 1));
  show("atleast_2d", torch::atleast_2d(std::vector<torch::Tensor>{x[0][0], x[0]})[0]);
  show("block_diag", torch::block_diag({x[0], x[1]}));
  show("tensordot", torch::tensordot(x, x, {0, 2}, {0, 2}));
  show("reflection_pad1d", torch::reflection_pad1d(values().unsqueeze(0), {1, 2}));
  show("replication_pad2d", torch::replication_pad2d(values().view({1, 1, 3, 4}), {1, 0, 0, 2}));
  show("bits", torch::tensor({1.0f, -2.0f}).view(torch::kInt));
  show("bytes", torch::tensor({1.0f}).view(torch::kByte));
  show("zeros_like", torch::zeros_like(x, torch::kFloat, torch::MemoryFormat::Contiguous));
  print("channels last", torch::rand({2, 3, 4, 5})
                             .to(torch::kDouble, false, false, torch::MemoryFormat::ChannelsLast)
                             .strides());
  show("is_set_to", x.is_set_to(x.alias()));
  show("nonzero_numpy", x.nonzero_numpy()[1]);
  show("argwhere", longs({0, 4, 5}).argwhere());
  show("pad_sequence", at::pad_sequence({longs({1, 2}), longs({3})}, true));
}

void writes() {
  const auto x = values(), index = longs({0, 2, 0});
  show("put", x.put(longs({0, 5, -1}), x[1].slice(0, 0, 3)));
  show("put_", x.clone().put_(longs({0, 0}), x[1].slice(0, 0, 2), true));
  show("index_add", x.index_add(0, index, x, 2));
  show("index_fill", x.index_fill(1, longs({1}), torch::full({}, 9.0, torch::kDouble)));
  for (const char* how : {"prod", "mean", "amax", "amin"}) {
    show("index_reduce", x.index_reduce(0, index, x, how));
    show("without", x.index_reduce(0, index, x, how, false));
    show("scatter_reduce_",
         x.clone().scatter_reduce_(0, index.view({3, 1}).expand({3, 4}), x, how));
  }
  show("scatter add", x.scatter(0, index.view({1, 3}), x, "add"));
  show("scatter multiply", x.clone().scatter_(1, index.view({3, 1}), 3, "multiply"));
}

void draws() {
  show("cauchy_", torch::empty({5}).cauchy_(1, 2));
  show("log_normal_", torch::empty({20}).log_normal_());
  show("geometric_", torch::empty({7}, torch::kLong).geometric_(0.2));
  show("bernoulli", torch::zeros({9}).bernoulli(0.4));
  show("normal", at::normal(values(), 2));
  show("normal of std", at::normal(1, values().abs()));
  show("normal of both", at::normal(values(), values().abs()));
  auto generator = at::detail::createCPUGenerator(5);
  show("rand", torch::rand({3}, generator));
  show("randn", torch::randn({3}, generator, torch::kDouble));
  show("randint", torch::randint(9, {6}, generator));
  show("randperm", torch::randperm(6, generator, torch::kLong));
}

void out_forms() {
  const auto x = values();
  auto out = torch::empty({0}, torch::kDouble), indices = torch::empty({0}, torch::kLong);
  show("amax_out", torch::amax_out(out, x, {1}));
  show("var_out", torch::var_out(out, x, {0}, true));
  show("hstack_out", torch::hstack_out(out, {x, x}));
  show("quantile_out", torch::quantile_out(out, x, 0.5, 1));
  show("tril_out", torch::tril_out(out, x));
  show("take_out", torch::take_out(out, x, longs({3, 4})));
  show("kron_out", torch::kron_out(out, x, x));
  show("scatter_out", torch::scatter_out(out, x, 0, longs({1}).view({1, 1}), 5));
  show("gcd_out", torch::gcd_out(indices, longs({4}), longs({6})));
  show("round_out", torch::round_out(out, x, 1));
  show("arctan2_out", torch::arctan2_out(out, x, x + 1));
  show("absolute_out", torch::absolute_out(out, x));
  torch::mode_out(out, indices, x, 1);
  show("mode_out", out);
}

void namespaces() {
  const auto x = values(), positive = x.abs() + 0.5;
  show("expit", torch::special::expit(x));
  show("gammaln", torch::special::gammaln(positive));
  show("psi", torch::special::psi(positive));
  show("entr", torch::special::entr(x));
  show("ndtr", torch::special::ndtr(x));
  show("xlog1py", torch::special::xlog1py(x, positive));
  show("xlogy", torch::special::xlogy(x, positive));
  show("logsumexp", torch::special::logsumexp(x, {0}, true));
  show("softmax", torch::special::softmax(x, 1, c10::nullopt));
  show("polygamma", torch::special::polygamma(1, positive));
  show("multigammaln", torch::special::multigammaln(positive + 1, 2));
  show("sinc", torch::special::sinc(x));
  show("special_erf", at::special_erf(x));
  show("vector_norm", torch::linalg::vector_norm(x, 3, 1, true, c10::nullopt));
  show("matrix_norm", torch::linalg::matrix_norm(x, "fro", {-2, -1}, false, c10::nullopt));
  show("matrix_norm 1", torch::linalg::matrix_norm(x, 1, {-2, -1}, false, c10::nullopt));
  show("norm", torch::linalg::norm(x, c10::nullopt, c10::nullopt, false, c10::nullopt));
  show("multi_dot", torch::linalg::multi_dot({x, x.t(), x}));
  show("matrix_power", torch::linalg::matrix_power(x.mm(x.t()), 3));
  show("linalg_vector_norm", at::linalg_vector_norm(x));
  show("linalg_cross", at::linalg_cross(x.t(), x.t() + 1));
  show("linalg_matmul", at::linalg_matmul(x, x.t()));
}

void gradients() {
  const auto check = [](const char* name, const std::function<torch::Tensor(torch::Tensor)>& f) {
    auto x = values().requires_grad_();
    f(x).square().sum().backward();
    show(name, x.grad());
  };
  const auto index = longs({0, 2, 0});
  check("quantile", [](torch::Tensor x) { return x.quantile(0.4, 1); });
  check("nanmedian", [](torch::Tensor x) { return x.nanmedian(); });
  check("mode", [](torch::Tensor x) { return std::get<0>(x.mode(0)); });
  check("cov", [](torch::Tensor x) { return x.cov(); });
  check("mvlgamma", [](torch::Tensor x) { return (x.abs() + 1).mvlgamma(2); });
  check("renorm", [](torch::Tensor x) { return x.renorm(2, 0, 1); });
  check("put", [](torch::Tensor x) { return x.put(longs({1, 2}), x[0].slice(0, 0, 2)); });
  check("index_reduce", [&](torch::Tensor x) { return x.index_reduce(0, index, x, "prod"); });
  check("amax", [&](torch::Tensor x) { return x.index_reduce(0, index, x + 0.5, "amax", false); });
  check("sinc_", [](torch::Tensor x) { return (x * 1).sinc_(); });
  check("ndtr", [](torch::Tensor x) { return torch::special::ndtr(x); });
  check("entr", [](torch::Tensor x) { return torch::special::entr(x.abs()); });
  check("xlog1py", [](torch::Tensor x) { return torch::special::xlog1py(x, x.abs()); });
  check("diff", [](torch::Tensor x) { return x.diff(2); });
  check("norm",
        [](torch::Tensor x) { return torch::linalg::vector_norm(x, 3, 1, false, c10::nullopt); });
}

}  // namespace

int main() {
  run_case("elementwise", 1e-6, 1e-12, elementwise);
  run_case("in place", 1e-6, 1e-7, in_place);
  run_case("statistics", 1e-6, 1e-12, statistics);
  run_case("shapes", 0, 0, shapes);
  run_case("writes", 1e-12, 1e-14, writes);
  run_case("draws", 1e-6, 1e-7, draws);
  run_case("out forms", 1e-12, 1e-14, out_forms);
  run_case("namespaces", 1e-8, 1e-12, namespaces);
  run_case("gradients", 1e-8, 1e-12, gradients);
}
