// What optimizers refuse.
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "optim/optim.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::optim;

namespace {

Tensor parameter(std::vector<double> values) {
  return fg::tensor(values, kDouble).requires_grad_();
}

}  // namespace

TEST_CASE("hyper-parameters out of range are refused") {
  const std::vector<Tensor> p = {parameter({1})};
#define CHECK_ERROR(expression, text) CHECK_THROWS_WITH_AS(expression, text, Error)
  CHECK_ERROR(SGD(p, SGDOptions(-0.1)), "SGD: lr must be >= 0, got -0.1");
  CHECK_ERROR(SGD(p, SGDOptions(NAN)), "SGD: lr must be >= 0, got nan");
  CHECK_ERROR(SGD(p, SGDOptions(1).momentum(-1)), "SGD: momentum must be >= 0, got -1");
  CHECK_ERROR(SGD(p, SGDOptions(1).weight_decay(-1)), "SGD: weight_decay must be >= 0, got -1");
  CHECK_ERROR(
      SGD(p, SGDOptions(1).nesterov(true)),
      "SGD: nesterov requires momentum > 0 and dampening 0, got momentum 0 and dampening 0");
  CHECK_ERROR(Adam(p, AdamOptions(-1)), "Adam: lr must be >= 0, got -1");
  CHECK_ERROR(Adam(p, AdamOptions().eps(-1)), "Adam: eps must be >= 0, got -1");
  CHECK_ERROR(Adam(p, AdamOptions().betas({1, 0.9})), "Adam: betas[0] must be in [0, 1), got 1");
  CHECK_ERROR(AdamW(p, AdamWOptions().betas({0.9, -0.5})),
              "AdamW: betas[1] must be in [0, 1), got -0.5");
  CHECK_ERROR(AdamW(p, AdamWOptions().weight_decay(-1)),
              "AdamW: weight_decay must be >= 0, got -1");
  CHECK_ERROR(RMSprop(p, RMSpropOptions(-1)), "RMSprop: lr must be >= 0, got -1");
  CHECK_ERROR(RMSprop(p, RMSpropOptions().eps(-1)), "RMSprop: eps must be >= 0, got -1");
  CHECK_ERROR(RMSprop(p, RMSpropOptions().alpha(-1)), "RMSprop: alpha must be >= 0, got -1");
  CHECK_ERROR(RMSprop(p, RMSpropOptions().momentum(-1)), "RMSprop: momentum must be >= 0, got -1");
  CHECK_ERROR(RMSprop(p, RMSpropOptions().weight_decay(-1)),
              "RMSprop: weight_decay must be >= 0, got -1");
  CHECK_ERROR(Adagrad(p, AdagradOptions(-1)), "Adagrad: lr must be >= 0, got -1");
  CHECK_ERROR(Adagrad(p, AdagradOptions().lr_decay(-1)), "Adagrad: lr_decay must be >= 0, got -1");
  CHECK_ERROR(Adagrad(p, AdagradOptions().weight_decay(-1)),
              "Adagrad: weight_decay must be >= 0, got -1");
  CHECK_ERROR(Adagrad(p, AdagradOptions().initial_accumulator_value(-1)),
              "Adagrad: initial_accumulator_value must be >= 0, got -1");
  CHECK_ERROR(Adagrad(p, AdagradOptions().eps(-1)), "Adagrad: eps must be >= 0, got -1");
  CHECK_ERROR(LBFGS(p, LBFGSOptions(-1)), "LBFGS: lr must be >= 0, got -1");
  CHECK_ERROR(LBFGS(p, LBFGSOptions().max_iter(0)), "LBFGS: max_iter must be >= 1, got 0");
  CHECK_ERROR(LBFGS(p, LBFGSOptions().history_size(0)), "LBFGS: history_size must be >= 1, got 0");
  CHECK_ERROR(LBFGS(p, LBFGSOptions().line_search_fn("armijo")),
              "LBFGS: line_search_fn must be 'strong_wolfe' or absent, got 'armijo'");
  const OptimizerParamGroup group(p);
  CHECK_ERROR(
      LBFGS(std::vector{group, OptimizerParamGroup(std::vector{parameter({1})})}),
      "LBFGS doesn't support per-parameter options (parameter groups): expected 1 group, got 2");
  // A group's own options are checked too.
  CHECK_ERROR(
      SGD(std::vector{OptimizerParamGroup(p, std::make_unique<SGDOptions>(-2))}, SGDOptions(1)),
      "SGD: lr must be >= 0, got -2");
}

TEST_CASE("parameters that cannot be optimized are refused") {
  const Tensor p = parameter({1}), q = parameter({1});
  CHECK_ERROR(SGD({p, Tensor()}, 0.1), "optimizer: params[1] of group 0 is undefined");
  CHECK_ERROR(
      SGD({p.mul(2)}, 0.1),
      "optimizer: can't optimize a non-leaf Tensor (params[0] of group 0, made by MulBackward)");
  CHECK_ERROR(SGD({p, q, p}, 0.1),
              "optimizer: params[0] and params[2] of group 0 are the same tensor");
  SGD sgd({p}, 0.1);
  CHECK_ERROR(
      sgd.add_param_group(OptimizerParamGroup({q, p})),
      "optimizer: some parameters appear in more than one parameter group (params[1] of group "
      "1 is in group 0)");
  CHECK_ERROR(
      sgd.add_parameters({p}),
      "optimizer: some parameters appear in more than one parameter group (params[0] of group "
      "0 is in group 0)");
  CHECK(sgd.param_groups().size() == 1);
  p.mutable_grad() = zeros({3}, kDouble);
  CHECK_ERROR(sgd.step(), "SGD: a gradient must have shape [1] (its parameter's), got [3]");
#undef CHECK_ERROR
}
