// Forward and backward hooks of modules.
#include <doctest/doctest.h>

#include "autograd/ops/elementwise.h"
#include "nn/nn.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::nn;

namespace {

/// y = 3 x, so that gradients are easy to follow.
struct TripleImpl : Cloneable<TripleImpl> {
  void reset() override {}
  Tensor forward(const Tensor& x) { return x * 3; }
};
using Triple = ModuleHolder<TripleImpl>;

struct SplitImpl : Module {
  std::tuple<Tensor, Tensor> forward(const Tensor& x, double factor) { return {x, x * factor}; }
};
using Split = ModuleHolder<SplitImpl>;

double value(const Tensor& x) { return x.item<double>(); }

}  // namespace

TEST_CASE("forward hooks see and replace inputs and outputs") {
  Triple triple;
  const unsigned pre = triple->register_forward_pre_hook(
      [](Module&, const std::vector<Tensor>& inputs) { return inputs[0] + 1; });
  double seen = 0;
  triple->register_forward_hook(
      [&](Module& module, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
        CHECK(&module == triple.get());
        seen = value(inputs[0]) * 1000 + value(outputs[0]);
      });
  const unsigned doubled = triple->register_forward_hook(
      [](Module&, const std::vector<Tensor>&, const std::vector<Tensor>& outputs) {
        return std::vector<Tensor>{outputs[0] * 2};
      });
  CHECK(value(triple(full({}, 1.0))) == 12);
  CHECK(seen == 2006);
  CHECK(value(triple->forward(full({}, 1.0))) == 3);  // forward() itself runs none
  CHECK(value(Sequential(triple)->forward(full({}, 1.0))) == 12);
  triple->remove_hook(pre);
  triple->remove_hook(doubled);
  CHECK(value(triple(full({}, 1.0))) == 3);
}

TEST_CASE("forward hooks see tensors inside tuples, and other arguments pass") {
  Split split;
  split->register_forward_hook(
      [](Module&, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
        CHECK(inputs.size() == 1);
        return std::vector<Tensor>{outputs[0], outputs[1] + 1};
      });
  const auto [x, scaled] = split(full({}, 2.0), 5.0);
  CHECK(value(x) == 2);
  CHECK(value(scaled) == 11);
  split->register_forward_hook([](Module&, const std::vector<Tensor>&, const std::vector<Tensor>&) {
    return std::vector<Tensor>{};
  });
  CHECK_THROWS_WITH_AS(split(full({}, 2.0), 5.0), doctest::Contains("must return 2 tensors, got 0"),
                       Error);
}

TEST_CASE("backward hooks see and replace gradients") {
  Triple triple;
  std::vector<double> seen;
  triple->register_full_backward_hook([&](Module&, const std::vector<Tensor>& grad_inputs,
                                          const std::vector<Tensor>& grad_outputs) {
    seen = {value(grad_inputs[0]), value(grad_outputs[0])};
  });
  Tensor x = full({}, 2.0).requires_grad_();
  (triple(x) * 10).backward();
  CHECK(seen == std::vector<double>{30, 10});
  CHECK(value(x.grad()) == 30);

  triple->register_full_backward_pre_hook(
      [](Module&, const std::vector<Tensor>& grad_outputs) { return grad_outputs[0] * 2; });
  triple->register_full_backward_hook(
      [](Module&, const std::vector<Tensor>& grad_inputs, const std::vector<Tensor>&) {
        return grad_inputs[0] + 1;
      });
  x.mutable_grad().reset();
  (triple(x) * 10).backward();
  CHECK(seen == std::vector<double>{60, 20});
  CHECK(value(x.grad()) == 61);
}

TEST_CASE(
    "a backward hook runs without gradients of the inputs, and not after the module is gone") {
  Linear layer(2, 1);
  int calls = 0;
  layer->register_full_backward_hook([&](Module&, const std::vector<Tensor>& grad_inputs,
                                         const std::vector<Tensor>& grad_outputs) {
    ++calls;
    CHECK_FALSE(grad_inputs[0].defined());
    CHECK(value(grad_outputs[0].sum()) == 1);
  });
  layer(ones({1, 2})).sum().backward();
  CHECK(calls == 1);
  CHECK(layer->weight.grad().defined());

  const Tensor y = layer(ones({1, 2})).sum();
  layer = nullptr;
  y.backward();
  CHECK(calls == 1);
}
