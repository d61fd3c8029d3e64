// Optimizers and schedulers: trajectories on one small problem, options, groups and state.
#include "show.h"

using namespace torch::optim;

namespace {

struct Problem {
  Problem() {
    torch::manual_seed(3);
    net =
        torch::nn::Sequential(torch::nn::Linear(3, 4), torch::nn::Tanh(), torch::nn::Linear(4, 1));
    x = torch::randn({8, 3});
    y = x.sum(1, true).sin();
  }
  torch::Tensor loss() { return torch::mse_loss(net->forward(x), y); }
  torch::nn::Sequential net;
  torch::Tensor x, y;
};

template <class MakeOptimizer>
void train(const char* name, const MakeOptimizer& make, int steps = 12) {
  Problem problem;
  auto optimizer = make(problem.net->parameters());
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    auto loss = problem.loss();
    loss.backward();
    optimizer.step();
    if (i % 3 == 2) show(name, loss);
  }
  for (const auto& parameter : problem.net->parameters()) show("parameter", parameter);
}

using Parameters = std::vector<torch::Tensor>;

void trajectories() {
  train("SGD", [](Parameters p) { return SGD(p, SGDOptions(0.1)); });
  train("SGD momentum",
        [](Parameters p) { return SGD(p, SGDOptions(0.1).momentum(0.9).weight_decay(0.01)); });
  train("SGD nesterov",
        [](Parameters p) { return SGD(p, SGDOptions(0.1).momentum(0.9).nesterov(true)); });
  train("SGD dampening",
        [](Parameters p) { return SGD(p, SGDOptions(0.1).momentum(0.5).dampening(0.3)); });
  train("Adam", [](Parameters p) { return Adam(p, 0.05); });
  train("Adam amsgrad",
        [](Parameters p) { return Adam(p, AdamOptions(0.05).amsgrad(true).weight_decay(0.01)); });
  train("Adam betas", [](Parameters p) {
    return Adam(p, AdamOptions(0.05).betas({0.5, 0.99}).eps(1e-6));
  });
  train("AdamW", [](Parameters p) { return AdamW(p, AdamWOptions(0.05).weight_decay(0.1)); });
  train("AdamW amsgrad", [](Parameters p) { return AdamW(p, AdamWOptions(0.05).amsgrad(true)); });
  train("Adagrad", [](Parameters p) {
    return Adagrad(p, AdagradOptions(0.1).lr_decay(1e-3).weight_decay(1e-3));
  });
  train("RMSprop", [](Parameters p) { return RMSprop(p, RMSpropOptions(0.01)); });
  train("RMSprop centered", [](Parameters p) {
    return RMSprop(p, RMSpropOptions(0.01).centered(true).momentum(0.9).alpha(0.9));
  });
}

void lbfgs() {
  for (const bool wolfe : {false, true}) {
    Problem problem;
    LBFGSOptions options(wolfe ? 1 : 0.1);
    options.max_iter(5);
    if (wolfe) options.line_search_fn("strong_wolfe");
    LBFGS optimizer(problem.net->parameters(), options);
    for (int i = 0; i < 4; ++i) {
      auto loss = optimizer.step([&] {
        optimizer.zero_grad();
        auto loss = problem.loss();
        loss.backward();
        return loss;
      });
      show("LBFGS", loss);
    }
    for (const auto& parameter : problem.net->parameters()) show("parameter", parameter);
  }
}

void groups() {
  Problem problem;
  auto parameters = problem.net->parameters();
  std::vector<OptimizerParamGroup> groups;
  groups.emplace_back(Parameters{parameters[0], parameters[1]});
  groups.emplace_back(Parameters{parameters[2]},
                      std::make_unique<SGDOptions>(SGDOptions(0.01).momentum(0.5)));
  SGD optimizer(groups, SGDOptions(0.1));
  optimizer.add_param_group(
      OptimizerParamGroup({parameters[3]}, std::make_unique<SGDOptions>(0.2)));
  show("groups", optimizer.param_groups().size());
  for (auto& group : optimizer.param_groups()) {
    show("lr", static_cast<SGDOptions&>(group.options()).lr());
    show("get_lr", group.options().get_lr());
    show("size", group.params().size());
  }
  show("defaults", static_cast<SGDOptions&>(optimizer.defaults()).lr());
  for (int i = 0; i < 3; ++i) {
    optimizer.zero_grad();
    problem.loss().backward();
    optimizer.step();
    for (auto& group : optimizer.param_groups()) {
      auto& options = static_cast<SGDOptions&>(group.options());
      options.lr(options.lr() * 0.5);
    }
  }
  for (const auto& parameter : parameters) show("parameter", parameter);
  show("options", SGDOptions(0.1) == SGDOptions(0.1));
  show("other options", AdamOptions(0.1).betas(std::make_tuple(0.8, 0.9)) == AdamOptions(0.1));
  Adam empty(Parameters{}, AdamOptions(0.5));
  empty.add_parameters({torch::ones({2}).requires_grad_()});
  show("size of the first", empty.parameters().size());
  throws("negative rate", [&] { SGD(parameters, SGDOptions(-1)); });
  throws("beta", [&] { Adam(parameters, AdamOptions(0.1).betas({1.5, 0.9})); });
  throws("nesterov", [&] { SGD(parameters, SGDOptions(0.1).nesterov(true)); });
}

void state() {
  auto parameter = torch::ones({2}).requires_grad_();
  Adam adam(Parameters{parameter}, AdamOptions(0.1).amsgrad(true));
  for (int i = 0; i < 3; ++i) {
    adam.zero_grad();
    (parameter * parameter).sum().backward();
    adam.step();
  }
  show("states", adam.state().size());
  auto& state = static_cast<AdamParamState&>(
      *adam.state()[c10::guts::to_string(parameter.unsafeGetTensorImpl())]);
  show("step", state.step());
  show("exp_avg", state.exp_avg());
  show("exp_avg_sq", state.exp_avg_sq());
  show("max_exp_avg_sq", state.max_exp_avg_sq());
  auto copy = static_cast<OptimizerParamState&>(state).clone();
  show("copy", static_cast<AdamParamState&>(*copy) == state);
}

void schedules() {
  auto parameter = torch::ones({1}).requires_grad_();
  SGD optimizer(Parameters{parameter}, SGDOptions(1.0));
  StepLR scheduler(optimizer, /*step_size=*/2, /*gamma=*/0.5);
  // libtorch's StepLR decides one step later than Python's from the second period on, so two steps.
  show("at first", optimizer.param_groups()[0].options().get_lr());
  scheduler.step();
  show("after one", optimizer.param_groups()[0].options().get_lr());
}

}  // namespace

int main() {
  run_case("trajectories", 1e-4, 2e-6, trajectories);
  run_case("LBFGS", 2e-3, 1e-5, lbfgs);
  run_case("groups", 1e-5, 1e-6, groups);
  run_case("state", 1e-5, 1e-7, state);
  run_case("schedules", 0, 0, schedules);
}
