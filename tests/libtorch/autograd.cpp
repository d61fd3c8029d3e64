// Autograd: a tour, custom functions, hooks, double backward.
#include <ATen/autocast_mode.h>

#include "show.h"

using torch::Tensor;
using namespace torch::autograd;

namespace {

void tour() {
  auto x = torch::ones({2, 2}, torch::requires_grad());
  auto y = x + 2, z = y * y * 3, out = z.mean();
  std::cout << out << "\n";
  show("has grad_fn", y.grad_fn() != nullptr);
  show("leaf has none", x.grad_fn() == nullptr);
  out.backward();
  show("x.grad", x.grad());
  (x * x).sum().backward();
  show("accumulated", x.grad());
  x.mutable_grad().zero_();
  show("zeroed", x.grad());
  {
    torch::NoGradGuard no_grad;
    show("no grad", (x * 2).requires_grad());
  }
  {
    torch::AutoGradMode grad(false);
    show("grad mode", torch::GradMode::is_enabled());
  }
  show("detached", x.detach().requires_grad());
  auto v = torch::tensor({0.1, 1.0, 0.01}), u = torch::tensor({1.0, 2.0, 3.0}).requires_grad_();
  auto w = u * 2;
  while (w.norm().item<double>() < 1000) w = w * 2;
  w.backward(v);
  show("u.grad", u.grad());
  auto a = torch::tensor({2.0}, torch::requires_grad()),
       b = torch::tensor({3.0}, torch::requires_grad());
  auto c = 3 * a.pow(3) - b.pow(2);
  c.backward(torch::ones({1}), /*keep_graph=*/true);
  c.backward(torch::ones({1}));
  show("a.grad", a.grad());
  show("b.grad", b.grad());
}

void engine() {
  auto x = torch::randn({3}, torch::requires_grad()), y = torch::randn({3}, torch::requires_grad());
  auto z = (x * y).sin().sum();
  auto grads = grad({z}, {x, y}, {}, /*retain_graph=*/true);
  show("dz/dx", grads[0]);
  show("dz/dy", grads[1]);
  show("x has no grad", !x.grad().defined());
  backward({z}, {}, /*retain_graph=*/true);
  show("x.grad", x.grad());
  auto unused = torch::ones({1}, torch::requires_grad());
  show("unused", grad({z}, {unused}, {}, true, false, /*allow_unused=*/true)[0].defined());
  throws("unused and not allowed", [&] { grad({z}, {unused}, {}, true); });
  z.backward();
  throws("twice", [&] { z.backward(); });
  throws("no scalar", [&] { (x * y).backward(); });
  throws("needs no grad", [&] { torch::ones({1}).backward(); });
  auto s = x * x;
  s.backward(torch::ones({3}), c10::nullopt, false, std::vector<Tensor>{x});
  show("inputs only", x.grad());
  show("detach_", (x * 2).detach_().requires_grad());
  auto leaf = torch::ones({2});
  leaf.set_requires_grad(true);
  show("set", leaf.requires_grad() && leaf.is_leaf());
  show("output_nr", int64_t(x.sin().output_nr()));
  auto k = x * 2;
  k.retain_grad();
  k.sum().backward();
  show("retained", k.grad());
  show("retains", k.retains_grad());
}

void double_backward() {
  auto x = torch::tensor({0.5, -1.0, 2.0}, torch::kDouble).requires_grad_();
  auto y = (x.pow(3) + x.sin()).sum();
  auto first = grad({y}, {x}, {}, c10::nullopt, /*create_graph=*/true)[0];
  auto second = grad({first.sum()}, {x}, {}, c10::nullopt, true)[0];
  auto third = grad({second.sum()}, {x})[0];
  show("first", first);
  show("second", second);
  show("third", third);
}

void gradient_penalty() {
  torch::nn::Linear model(4, 3), head(3, 1);
  auto input = torch::randn({3, 4}).requires_grad_();
  auto output = head(torch::tanh(model(input)));
  auto loss = torch::nn::MSELoss()(output, torch::randn({3, 1}));
  auto gradient = grad({loss}, {input}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0];
  auto penalty = torch::pow((gradient.norm(2, /*dim=*/1) - 1), 2).mean();
  auto combined = loss + penalty;
  combined.backward();
  show("loss", loss);
  show("penalty", penalty);
  show("input.grad", input.grad());
  show("weight.grad", model->weight.grad());
  show("head.grad", head->weight.grad());
}

struct LinearFunction : public Function<LinearFunction> {
  static Tensor forward(AutogradContext* ctx, Tensor input, Tensor weight, Tensor bias = Tensor()) {
    ctx->save_for_backward({input, weight, bias});
    auto output = input.mm(weight.t());
    if (bias.defined()) output += bias.unsqueeze(0).expand_as(output);
    return output;
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grad_outputs) {
    auto saved = ctx->get_saved_variables();
    auto input = saved[0], weight = saved[1], bias = saved[2];
    auto grad_output = grad_outputs[0];
    auto grad_input = grad_output.mm(weight), grad_weight = grad_output.t().mm(input);
    Tensor grad_bias;
    if (bias.defined()) grad_bias = grad_output.sum(0);
    return {grad_input, grad_weight, grad_bias};
  }
};

struct MulConstant : public Function<MulConstant> {
  static variable_list forward(AutogradContext* ctx, Variable x, double constant, int64_t power) {
    ctx->saved_data["constant"] = constant;
    ctx->saved_data["power"] = power;
    ctx->save_for_backward({x});
    return {x.pow(power) * constant, x.round()};
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const double constant = ctx->saved_data["constant"].toDouble();
    const int64_t power = ctx->saved_data["power"].toInt();
    auto x = ctx->get_saved_variables()[0];
    return {grads[0] * constant * power * x.pow(power - 1), Variable(), Variable()};
  }
};

struct Inplace : public Function<Inplace> {
  static Variable forward(AutogradContext* ctx, Variable x) {
    x.mul_(2);
    ctx->mark_dirty({x});
    return x;
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 2}; }
};

struct TwoOutputs : public Function<TwoOutputs> {
  static variable_list forward(AutogradContext* ctx, Variable x) {
    auto indices = x.argmax().unsqueeze(0);
    auto other = x * 3;
    ctx->mark_non_differentiable({other});
    return {x * 2, other};
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 2}; }
};

void custom_functions() {
  auto x = torch::randn({2, 3}).requires_grad_(), weight = torch::randn({4, 3}).requires_grad_();
  auto bias = torch::randn({4}).requires_grad_();
  auto y = LinearFunction::apply(x, weight, bias);
  y.sum().backward();
  show("y", y);
  show("x.grad", x.grad());
  show("weight.grad", weight.grad());
  show("bias.grad", bias.grad());
  auto z = torch::tensor({1.0, 2.0, -3.0}, torch::kDouble).requires_grad_();
  auto both = MulConstant::apply(z, 5.5, 3);
  show("first", both[0]);
  show("second", both[1]);
  auto first = grad({both[0].sum()}, {z}, {}, true, true)[0];
  show("its gradient", first);
  show("its second", grad({first.sum()}, {z})[0]);
  auto p = torch::ones({2}).requires_grad_();
  auto q = p * 3;
  auto r = Inplace::apply(q);
  r.sum().backward();
  show("in place", r);
  show("p.grad", p.grad());
  auto outputs = TwoOutputs::apply(p);
  show("differentiable", outputs[0].requires_grad());
  show("not differentiable", outputs[1].requires_grad());
}

void hooks() {
  auto x = torch::ones({3}).requires_grad_();
  auto y = x * 2;
  std::vector<double> seen;
  y.register_hook([&](Tensor grad) { seen.push_back(grad.sum().item<double>()); });
  const auto handle = y.register_hook([](Tensor grad) { return grad * 2; });
  y.sum().backward(torch::Tensor(), true);
  show("seen", seen[0]);
  show("doubled", x.grad());
  y.remove_hook(handle);
  y.sum().backward();
  show("then plain", x.grad());
  x.register_hook([](Tensor grad) { return grad + 1; });
  (x * 1).sum().backward();
  show("on the leaf", x.grad());
}

void in_place() {
  auto x = torch::ones({4}).requires_grad_();
  auto y = x * 2;
  y[0] = 5;
  y.add_(1).mul_(3);
  y.slice(0, 1, 3).mul_(2);
  y.sum().backward();
  show("x.grad", x.grad());
  throws("leaf", [&] { x.add_(1); });
  auto a = x * 2, b = a.exp();
  b.add_(1);
  throws("saved output changed", [&] { b.sum().backward(); });
  show("version", int64_t(y._version() > 0));
  auto view = (x * 1).view({2, 2});
  view[0].zero_();
  view.sum().backward();
  show("through the view", x.grad());
  show("is view", view.is_view());
  print("base", view._base().sizes());
  torch::Tensor t = torch::zeros({2});
  t.set_data(torch::ones({3}));
  show("set_data", t);
}

void ops_backward() {
  auto x = torch::linspace(0.2, 2, 6, torch::kDouble).view({2, 3}).requires_grad_();
  const std::pair<const char*, std::function<Tensor(Tensor)>> ops[] = {
      {"exp log", [](Tensor t) { return t.exp().log1p(); }},
      {"sqrt", [](Tensor t) { return t.sqrt() / t; }},
      {"softmax", [](Tensor t) { return torch::softmax(t, 1) * t; }},
      {"max", [](Tensor t) { return std::get<0>(t.max(1)); }},
      {"norm", [](Tensor t) { return t.norm(2, 1); }},
      {"var", [](Tensor t) { return t.var(1); }},
      {"prod", [](Tensor t) { return t.prod(1); }},
      {"cumsum", [](Tensor t) { return t.cumsum(1).cumprod(0); }},
      {"cat",
       [](Tensor t) {
         return torch::cat({t, t * t}, 1);
       }},
      {"gather",
       [](Tensor t) {
         return t.gather(1, torch::tensor({{0, 2}, {1, 1}}));
       }},
      {"index",
       [](Tensor t) {
         return t.index({torch::tensor({1, 1, 0})});
       }},
      {"matmul", [](Tensor t) { return t.mm(t.t()); }},
      {"sort", [](Tensor t) { return std::get<0>(t.sort(1, true)) * torch::arange(3); }},
      {"where", [](Tensor t) { return torch::where(t > 1, t * t, t.sin()); }},
      {"layer norm", [](Tensor t) { return torch::layer_norm(t, {3}) * t; }},
      {"logsumexp", [](Tensor t) { return t.logsumexp({1}); }},
      {"atan2", [](Tensor t) { return torch::atan2(t, t + 1); }},
      {"pow", [](Tensor t) { return t.pow(t); }},
      {"clamp", [](Tensor t) { return t.clamp(0.5, 1.5); }},
      {"roll", [](Tensor t) { return t.roll(1, 1) * t; }},
      {"expand", [](Tensor t) {
         return t.unsqueeze(0).expand({4, 2, 3}) * 2;
       }}};
  for (const auto& [name, op] : ops) show(name, grad({op(x).sum()}, {x})[0]);
}

void mixed_precision() {
  const auto w = torch::ones({2, 2}, torch::requires_grad());
  at::autocast::set_cpu_enabled(true);
  at::autocast::set_autocast_cpu_dtype(torch::kBFloat16);
  const auto y = torch::mm(w * 3, w);
  show("enabled", at::autocast::is_cpu_enabled());
  show("product is bfloat16", y.scalar_type() == torch::kBFloat16);
  const auto loss = torch::mse_loss(y, torch::zeros({2, 2}));
  show("loss is float", loss.scalar_type() == torch::kFloat);
  at::autocast::set_cpu_enabled(false);
  at::autocast::clear_cache();
  loss.backward();
  show("gradient", w.grad());
}

}  // namespace

int main() {
  run_case("tour", 1e-6, 0, tour);
  run_case("engine", 2e-6, 1e-7, engine);
  run_case("double backward", 1e-12, 1e-14, double_backward);
  run_case("gradient penalty", 2e-5, 1e-6, gradient_penalty);
  run_case("custom functions", 2e-6, 1e-6, custom_functions);
  run_case("hooks", 0, 0, hooks);
  run_case("in place", 0, 0, in_place);
  run_case("mixed precision", 0, 0, mixed_precision);
  run_case("backward of ops", 1e-10, 1e-13, ops_backward);
}
