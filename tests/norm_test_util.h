// What the tests of softmax, norms, losses and attention share.
#pragma once

#include <cmath>

#include <doctest/doctest.h>

#include "autograd/engine.h"
#include "autograd/ops/attention.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/distance.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/embedding.h"
#include "autograd/ops/glu.h"
#include "autograd/ops/join.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/norm.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "tensor/cpu/parallel.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

namespace fg::test {

/// sin(0.7 i + phase) in double: the inputs behind the numbers quoted from PyTorch.
inline Tensor wave(IntArrayRef sizes, double phase = 0) {
  Tensor x = empty(sizes, kDouble);
  for (int64_t i = 0; i < x.numel(); ++i)
    x.data_ptr<double>()[i] = std::sin(0.7 * double(i) + phase);
  return x;
}

inline bool close(const Tensor& actual, const Tensor& expected, double tolerance = 1e-12) {
  return actual.sizes().equals(expected.sizes()) &&
         allclose(actual.to(kDouble), expected.to(kDouble), tolerance, tolerance, true);
}

/// The gradients of op(inputs) from kernels equal those of the recorded backward pass.
inline void check_recorded_gradients(const std::function<Tensor(const TensorList&)>& op,
                                     const std::vector<Tensor>& leaves) {
  const Tensor y = op(leaves);
  const std::vector<Tensor> g{wave(y.sizes(), 0.4)};
  const auto plain = autograd::grad({y}, leaves, g, true, false, true);
  const auto recorded = autograd::grad({y}, leaves, g, true, true, true);
  for (size_t i = 0; i < leaves.size(); ++i) {
    REQUIRE(plain[i].defined() == recorded[i].defined());
    if (plain[i].defined()) CHECK(close(recorded[i].detach(), plain[i], 1e-10));
  }
}

/// check_op and check_recorded_gradients with every input requiring its gradient.
inline void check_gradients(const std::string& name,
                            const std::function<Tensor(const TensorList&)>& op,
                            const std::vector<Tensor>& inputs) {
  CAPTURE(name);
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.clone().requires_grad_());
  check_op(
      name, [&](const std::vector<Tensor>& in) { return op(in); }, leaves);
  check_recorded_gradients(op, leaves);
}

/// The same bits with one thread and with several.
template <class F>
bool same_bits_with_threads(F compute) {
  const int before = get_num_threads();
  set_num_threads(1);
  const Tensor one = compute();
  set_num_threads(3);
  const Tensor three = compute();
  set_num_threads(before);
  return equal(one, three);
}

}  // namespace fg::test
