// Second names of ops, `_out` forms, options as text, warnings, irange.
#include <doctest/doctest.h>

#include "fusegrad.h"

using namespace fg;

TEST_CASE("methods under second names are the ops they name") {
  const Tensor x = tensor({0.5, -0.25, 0.75}), y = tensor({2.0, -1.0, 0.0});
  CHECK(x.arcsin().equal(x.asin()));
  CHECK(x.clone().arctan_().equal(x.atan()));
  CHECK(x.multiply(y).equal(x * y));
  CHECK(x.clone().subtract_(y, 2).equal(x - y * 2));
  CHECK(x.greater_equal(y).equal(x >= y));
  CHECK(x.clip(0, 0.5).equal(x.clamp(0, 0.5)));
  CHECK(tensor({5, 2}).__rshift__(1).equal(tensor({2, 1})));
  CHECK(x.deg2rad().rad2deg().allclose(x));
  CHECK(x.view({1, 3}).t_().sizes() == IntArrayRef({3, 1}));
  CHECK(x.std(0).item<double>() == x.std(IntArrayRef(0)).item<double>());
  CHECK(arange(24).view({2, 3, 4}).movedim({0, 2}, {1, 0}).sizes() == IntArrayRef({4, 2, 3}));
  CHECK(x.new_full({2}, 3).dtype() == kFloat);
  CHECK(where(x > 0)[0].equal(tensor({0, 2})));
  CHECK(zeros({3, 3}).fill_diagonal_(2).equal(eye(3) * 2));
  CHECK_THROWS_WITH_AS(
      zeros({3}).fill_diagonal_(2),
      "fill_diagonal_: the tensor must have 2 dims, and wrap is not supported, got 1 dims", Error);
  CHECK_THROWS_WITH_AS(x.movedim({0}, IntArrayRef()),
                       "movedim: source and destination must have equal lengths, got [0] and []",
                       Error);
  CHECK_THROWS_WITH_AS(is_nonzero(x), "is_nonzero: tensor must have 1 element, got 3", Error);
}

TEST_CASE("in-place forms that overwrite what their backward needs keep the gradient right") {
  const Tensor x = tensor({0.2, 0.7}, TensorOptions(kDouble).requires_grad(true));
  const auto gradient = [&](const Tensor& y) { return autograd::grad({y.sum()}, {x})[0]; };
  CHECK(gradient((x * 1).logit_()).allclose(gradient((x * 1).logit())));
  CHECK(gradient((x * 2).cumprod_(0)).allclose(gradient((x * 2).cumprod(0))));
  CHECK(gradient((x * 2).nan_to_num_()).allclose(gradient((x * 2).nan_to_num())));
}

TEST_CASE("out forms resize, convert where that is allowed, and refuse gradients") {
  Tensor out = empty({0});
  CHECK(add_out(out, ones({2, 2}), 1).is_same(out));
  CHECK(out.equal(full({2, 2}, 2.0)));
  CHECK(sum_out(out, out, {0}).equal(tensor({4.0, 4.0})));
  Tensor indices = empty({0}, kLong);
  max_out(out, indices, tensor({{1.0, 3.0}, {2.0, 0.0}}), 1);
  CHECK(out.equal(tensor({3.0, 2.0})));
  CHECK(indices.equal(tensor({1, 0})));
  CHECK(cat_out(out, {ones({1}), zeros({1})}).equal(tensor({1.0, 0.0})));
  Tensor integers = empty({2}, kLong), leaf = ones({2}, requires_grad());
  CHECK_THROWS_WITH_AS(exp_out(integers, ones({2})),
                       "exp_out: result type Float cannot be written into out of dtype Long",
                       Error);
  CHECK_THROWS_WITH_AS(exp_out(leaf, ones({2})),
                       "exp_out: out must not require grad (this form is not differentiable)",
                       Error);
}

TEST_CASE("options print what they hold, and no sparse tensor is made") {
  CHECK(str(TensorOptions()) ==
        "TensorOptions(dtype=float (default), device=cpu (default), layout=Strided (default), "
        "requires_grad=false (default), pinned_memory=false (default), memory_format=(nullopt))");
  CHECK(str(dtype<int64_t>().requires_grad(true).device(kCUDA, 1)) ==
        "TensorOptions(dtype=long int, device=cuda:1, layout=Strided (default), "
        "requires_grad=true, pinned_memory=false (default), memory_format=(nullopt))");
  CHECK_THROWS_WITH_AS(zeros({2}, kSparse), "empty: layout must be Strided, got Sparse", Error);
}

TEST_CASE("warnings go to the handler of the thread") {
  struct Collect : WarningHandler {
    void process(const SourceLocation&, const std::string& message, bool) override {
      messages.push_back(message);
    }
    std::vector<std::string> messages;
  } collect;
  {
    const Warning::WarningHandlerGuard guard(&collect);
    nn::functional::mse_loss(ones({2, 3}), ones({3}));
    nn::functional::mse_loss(ones({3}), ones({3}));
    nn::LSTM(nn::LSTMOptions(2, 3).dropout(0.5));
  }
  REQUIRE(collect.messages.size() == 2);
  CHECK(collect.messages[0] ==
        "Using a target size ([3]) that is different to the input size ([2, 3]). This will likely "
        "lead to incorrect results due to broadcasting. Please ensure they have the same size.");
  CHECK(collect.messages[1].ends_with("got dropout=0.5 and num_layers=1"));
  CHECK(Warning::get_warning_handler() != &collect);
}

TEST_CASE("irange") {
  std::vector<int> seen;
  for (const int i : irange(3)) seen.push_back(i);
  for (const int i : irange(int64_t{5}, 7)) seen.push_back(i);
  for (const int i : irange(-2)) seen.push_back(i);
  for (const int i : irange(4, 4)) seen.push_back(i);
  CHECK(seen == std::vector<int>{0, 1, 2, 5, 6});
  CHECK(join(", ", seen) == "0, 1, 2, 5, 6");
}
