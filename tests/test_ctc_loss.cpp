#include "tests/norm_test_util.h"

using namespace fg;
using fg::test::check_gradients;
using fg::test::close;
using fg::test::wave;

namespace {

const double kInf = std::numeric_limits<double>::infinity();
const std::vector<int64_t> kInputs{6, 5, 4}, kTargets{3, 2, 0};

Tensor labels() { return tensor({{1, 2, 2}, {3, 1, 1}, {2, 0, 0}}); }
Tensor log_probs() { return log_softmax(wave({6, 3, 4}).mul(2), 2); }
Tensor number(double value) { return tensor(value, kDouble); }

}  // namespace

TEST_CASE("ctc_loss has PyTorch's values") {
  const Tensor x = log_probs();
  CHECK(close(ctc_loss(x, labels(), kInputs, kTargets, 0, Reduction::None),
              tensor({5.59579092735048800, 4.13527596413020504, 9.07028938301012033}, kDouble)));
  CHECK(close(ctc_loss(x, labels(), kInputs, kTargets), number(4.33439700250846194)));
  CHECK(close(ctc_loss(x, tensor({1, 2, 2, 3, 1}), kInputs, kTargets, 0, Reduction::Sum),
              number(18.80135627449081426)));
  CHECK(close(ctc_loss(x.select(1, 0), tensor({1, 2}), {6}, {2}, 3), number(2.64569066589891966)));
  CHECK(ctc_loss(x.to(kHalf), labels(), kInputs, kTargets).dtype() == kHalf);
}

TEST_CASE("ctc_loss: gradients of both orders") {
  check_gradients("ctc_loss",
                  [](const TensorList& in) {
                    return ctc_loss(in[0], labels().to(in[0].device()), kInputs, kTargets);
                  },
                  {log_probs()});
  const Tensor x = wave({6, 3, 4}).mul(2).requires_grad_();
  ctc_loss(log_softmax(x, 2), labels(), kInputs, kTargets).backward();
  CHECK(close(x.grad().mul(wave({6, 3, 4}, 1)).sum(), number(0.38278932855606929)));
}

TEST_CASE("ctc_loss of targets that do not fit") {
  const Tensor targets = tensor({{1, 2, 2}, {3, 1, 1}, {2, 2, 2}});
  const std::vector<int64_t> inputs{3, 5, 4}, lengths{3, 2, 3};
  CHECK(close(ctc_loss(log_probs(), targets, inputs, lengths, 0, Reduction::None),
              tensor({kInf, 4.13527596413020504, kInf}, kDouble)));
  for (const bool zero_infinity : {false, true}) {
    const Tensor x = wave({6, 3, 4}).mul(2).requires_grad_();
    const Tensor loss =
        ctc_loss(log_softmax(x, 2), targets, inputs, lengths, 0, Reduction::Sum, zero_infinity);
    CHECK(close(loss.detach(), number(zero_infinity ? 4.13527596413020504 : kInf)));
    loss.backward();
    CHECK(x.grad().select(1, 0).abs().sum().item<double>() == 0);
    CHECK(close(x.grad().select(1, 1).abs().sum(), number(3.78156939158554017)));
  }
}

TEST_CASE("ctc_loss errors") {
  const Tensor x = log_probs();
  CHECK_THROWS_WITH_AS(ctc_loss(zeros({4}), labels(), kInputs, kTargets),
                       "ctc_loss: log_probs must have shape [T, N, C] or [T, C], got [4]", Error);
  CHECK_THROWS_WITH_AS(ctc_loss(x, labels(), {6, 5}, kTargets),
                       "ctc_loss: input_lengths and target_lengths must have one entry per sample "
                       "(3), got 2 and 3",
                       Error);
  CHECK_THROWS_WITH_AS(ctc_loss(x, labels(), {7, 5, 4}, kTargets),
                       "ctc_loss: input_lengths must lie in [1, 6], got 7", Error);
  CHECK_THROWS_WITH_AS(ctc_loss(x, labels(), kInputs, {4, 2, 0}),
                       "ctc_loss: target_lengths must be at most 3 (targets' width), got 4", Error);
  CHECK_THROWS_WITH_AS(ctc_loss(x, labels(), kInputs, {-1, 2, 0}),
                       "ctc_loss: target_lengths must not be negative, got -1", Error);
  CHECK_THROWS_WITH_AS(
      ctc_loss(x, tensor({1, 2}), kInputs, kTargets),
      "ctc_loss: targets must have shape [3, S] or [5] (sum of target_lengths), got [2]", Error);
  CHECK_THROWS_WITH_AS(ctc_loss(x, labels(), kInputs, kTargets, 4),
                       "ctc_loss: blank must lie in [0, 4), got 4", Error);
  CHECK_THROWS_WITH_AS(ctc_loss(x, labels().add(2), kInputs, kTargets),
                       "ctc_loss: targets must lie in [0, 4), got 4", IndexError);
  CHECK_THROWS_WITH_AS(ctc_loss(x, labels().to(kFloat), kInputs, kTargets),
                       "ctc_loss: targets must be Long or Int, got Float", Error);
}
