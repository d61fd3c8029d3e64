// What cuDNN is asked for attention, in plain numbers; needs neither a GPU nor cuDNN.
#include <doctest/doctest.h>

#include "cuda/cudnn/attention_problem.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::cuda;

namespace {

AttentionOperands operands(int64_t queries, int64_t keys) {
  const auto made = [](int64_t rows) { return empty({2, 3, rows, 16}, kHalf); };
  return {made(queries), made(keys), made(keys), {}};
}

optional<AttentionProblem> problem_of(const AttentionOperands& in) {
  return make_attention_problem(in, empty(in.query.sizes(), kHalf), {});
}

}  // namespace

TEST_CASE("attention problem: strides, and those of a packed tensor where an extent is 1") {
  AttentionOperands in = operands(5, 7);
  in.key = empty({2, 7, 3, 3, 16}, kHalf).select(2, 1).transpose(1, 2);
  in.query = empty({1, 3, 5, 16}, kHalf).as_strided({1, 3, 5, 16}, {3, 80, 16, 1}, 0);
  const auto p = problem_of(in);
  REQUIRE(p);
  CHECK(p->query == RowStrides{240, 80, 16});
  CHECK(p->key == RowStrides{7 * 9 * 16, 16, 9 * 16});
  CHECK(p->transposed(p->key, 7, 16).strides == DimVector{7 * 9 * 16, 16, 1, 9 * 16});
  CHECK(p->value == RowStrides{336, 112, 16});
}

TEST_CASE("attention problem: masks broadcast by an extent of 1 or, over rows, a stride of 0") {
  AttentionOperands in = operands(5, 7);
  const auto bias_of = [&](const Tensor& mask) {
    in.mask = mask.expand({2, 3, 5, 7});
    return problem_of(in)->bias();
  };
  CHECK(bias_of(empty({2, 3, 5, 7}, kHalf)).strides == DimVector{105, 35, 7, 1});
  CHECK(bias_of(empty({3, 5, 7}, kHalf)).dims == DimVector{1, 3, 5, 7});
  const TensorShape padding = bias_of(empty({2, 1, 1, 7}, kHalf));
  CHECK(padding.dims == DimVector{2, 1, 5, 7});
  CHECK(padding.strides == DimVector{7, 35, 0, 1});
}

TEST_CASE("attention problem: none for what cuDNN does not take") {
  REQUIRE(problem_of(operands(5, 7)));
  const auto refused = [](const auto& change) {
    AttentionOperands in = operands(5, 7);
    change(in);
    return !problem_of(in);
  };
  using In = AttentionOperands;
  CHECK(refused([](In& in) { in.query = empty({2, 3, 5, 12}, kHalf); }));
  CHECK(refused([](In& in) { in.query = empty({2, 3, 5, 264}, kHalf); }));
  CHECK(refused([](In& in) { in.query = in.query.to(kFloat); }));
  CHECK(refused([](In& in) { in.key = empty({2, 3, 7, 17}, kHalf).narrow(3, 0, 16); }));
  CHECK(refused([](In& in) { in.key = empty({2, 3, 7, 32}, kHalf).narrow(3, 4, 16); }));
  CHECK(refused([](In& in) { in.value = empty({2, 3, 16, 7}, kHalf).transpose(2, 3); }));
  CHECK(refused([](In& in) { in.mask = empty({2, 3, 5, 7}, kBool); }));
  CHECK(refused([](In& in) { in.mask = empty({2, 3, 7, 5}, kHalf).transpose(2, 3); }));
  CHECK(refused([](In& in) {
    in.mask = empty({211}, kHalf).narrow(0, 1, 210).view({2, 3, 5, 7});
  }));
  CHECK(refused([](In& in) {
    in = operands(5, 1);
    in.mask = empty({2, 3, 5, 1}, kHalf);
  }));
}

TEST_CASE("attention problem: the backward pass has gradients' strides") {
  const AttentionOperands in = operands(5, 7);
  const auto forward = problem_of(in);
  const Tensor grad_out = empty({2, 5, 3, 16}, kHalf).transpose(1, 2);
  const auto p = make_attention_problem(*forward, grad_out, {in.query, in.key, in.value});
  REQUIRE(p);
  CHECK(p->pass == AttentionPass::Backward);
  CHECK(p->grad_out == RowStrides{240, 16, 48});
  CHECK(p->grad_key == RowStrides{336, 112, 16});
  const Tensor apart = empty({2, 3, 5, 17}, kHalf).narrow(3, 0, 16);
  CHECK_FALSE(make_attention_problem(*forward, apart, {in.query, in.key, in.value}));
}
