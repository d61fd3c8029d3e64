#include "tests/norm_test_util.h"

using namespace fg;
using fg::test::check_gradients;
using fg::test::close;
using fg::test::wave;

namespace {

Tensor composed_layer_norm(const Tensor& x, const Tensor& w, const Tensor& b, double eps) {
  const Tensor centered = x.sub(x.mean(-1, true));
  return centered.div(centered.square().mean(-1, true).add(eps).sqrt()).mul(w).add(b);
}

Tensor composed_batch_norm(const Tensor& x, const Tensor& w, const Tensor& b, double eps) {
  const Tensor y = x.reshape({x.size(0), x.size(1), -1});
  const Tensor centered = y.sub(y.mean({0, 2}, true));
  const Tensor unit = centered.div(centered.square().mean({0, 2}, true).add(eps).sqrt());
  return unit.mul(w.reshape({-1, 1})).add(b.reshape({-1, 1})).reshape(x.sizes());
}

/// Gradients of sum(y * g) for the leaves.
std::vector<Tensor> gradients(const Tensor& y, const std::vector<Tensor>& leaves) {
  return autograd::grad({y}, leaves, {wave(y.sizes(), 0.4).to(y.dtype())});
}

std::vector<Tensor> leaves_of(const std::vector<Tensor>& values) {
  std::vector<Tensor> result;
  for (const Tensor& value : values) result.push_back(value.clone().requires_grad_());
  return result;
}

}  // namespace

TEST_CASE("norms have PyTorch's values") {
  const Tensor x = wave({2, 3}), w3 = wave({3}, 1), b3 = wave({3}, 2);
  CHECK(close(layer_norm(x, {3}, w3, b3),
              tensor({{-0.20938859669895277, 0.67248762760285863, 0.47549449878508843},
                      {1.89252590934881537, 0.53216451597023318, -1.11616852682603196}},
                     kDouble)));
  CHECK(close(rms_norm(x, {3}, w3, 1e-5),
              tensor({{0.0, 0.93983555126008855, 0.97924300465345926},
                      {1.27059877079867922, 0.58109546783656885, -0.41447051595381884}},
                     kDouble)));
  CHECK(close(group_norm(wave({1, 4, 2}), 2, wave({4}, 1), wave({4}, 2)),
              tensor({{{-0.47065077291348939, 0.95579283391718250},
                       {1.37259960449139773, 1.05362041395550676},
                       {0.78464446164064694, -0.10430164944869558},
                       {-0.85052461072202579, -0.85937223442684474}}},
                     kDouble)));
  const Tensor m = zeros({2}, kDouble), v = ones({2}, kDouble);
  CHECK(close(batch_norm(wave({3, 2}), wave({2}, 1), wave({2}, 2), m, v, true, 0.1),
              tensor({{0.00404460795125145, 0.91293076747056445},
                      {2.03082941777562720, 1.32400166470611347},
                      {0.69301825475016654, -0.95479279147518814}},
                     kDouble)));
  CHECK(close(m, tensor({0.04401459600481217, 0.03855479420656483}, kDouble)));
  CHECK(close(v, tensor({0.92510714163195784, 0.94186270325777044}, kDouble)));
}

TEST_CASE("instance_norm has PyTorch's values and running statistics") {
  const Tensor m = zeros({2}, kDouble), v = ones({2}, kDouble), x = wave({2, 2, 3});
  const Tensor w = wave({2}, 1), b = wave({2}, 2);
  const Tensor expected =
      tensor({{{-0.20938859669895279, 1.11728207586102979, 1.81999880131496816},
               {1.58610442850255806, 0.53216451597023318, -0.83612930377130157}},
              {{0.66167954604769852, 0.02532163377349096, 2.04089110065585677},
               {-0.89380101874945783, 0.68070053975803091, 1.49524011969291570}}},
             kDouble);
  CHECK(close(instance_norm(x, w, b, m, v), expected));
  CHECK(close(m, tensor({-0.01426046009473485, 0.04182305036992164}, kDouble)));
  CHECK(close(v, tensor({0.91413283873821405, 0.93071758046138076}, kDouble)));
  CHECK(close(instance_norm(x, w, b), expected));
  CHECK(close(instance_norm(x, w, b, m, v, false), batch_norm(x, w, b, m, v, false)));
}

TEST_CASE("norm kernels: gradients of both orders") {
  const Tensor x = wave({2, 4, 3}), w4 = wave({4}, 1), b4 = wave({4}, 2);
  check_gradients("layer_norm",
                  [](const TensorList& in) {
                    return layer_norm(in[0], {4, 3}, in[1], in[2]);
                  },
                  {x, wave({4, 3}, 1), wave({4, 3}, 2)});
  check_gradients("rms_norm",
                  [](const TensorList& in) { return rms_norm(in[0], {3}, in[1], 1e-3); },
                  {x, wave({3}, 1)});
  check_gradients("group_norm",
                  [](const TensorList& in) { return group_norm(in[0], 2, in[1], in[2]); },
                  {x, w4, b4});
  check_gradients("group_norm without inner dims",
                  [](const TensorList& in) { return group_norm(in[0], 2, in[1], in[2]); },
                  {wave({3, 6}), wave({6}, 1), wave({6}, 2)});
  check_gradients(
      "batch_norm",
      [](const TensorList& in) { return batch_norm(in[0], in[1], in[2], {}, {}, true); },
      {x, w4, b4});
  check_gradients("batch_norm in evaluation",
                  [](const TensorList& in) {
                    const Tensor mean = wave({4}, 3).to(in[0].options());
                    return batch_norm(in[0], in[1], in[2], mean, mean.square().add(1), false);
                  },
                  {x, w4, b4});
  check_gradients("instance_norm",
                  [](const TensorList& in) {
                    const Tensor m = zeros({4}, in[0].options()), v = ones({4}, in[0].options());
                    return instance_norm(in[0], in[1], in[2], m, v);
                  },
                  {x, w4, b4});
}

TEST_CASE("norms: one tensor as several inputs gets each input's gradient, recorded or not") {
  test::check_recorded_gradients(
      [](const TensorList& in) { return layer_norm(in[0], {5}, in[0], in[0]); },
      {wave({5}, 1).requires_grad_()});
}

TEST_CASE("norms equal their composed forms at sizes that fill vectors and blocks") {
  const std::vector<Tensor> values{wave({70, 1037}), wave({1037}, 1), wave({1037}, 2)};
  const auto a = leaves_of(values), b = leaves_of(values);
  const Tensor ours = layer_norm(a[0], {1037}, a[1], a[2]);
  const Tensor composed = composed_layer_norm(b[0], b[1], b[2], 1e-5);
  CHECK(close(ours, composed));
  const auto got = gradients(ours, a), expected = gradients(composed, b);
  for (size_t i = 0; i < 3; ++i) CHECK(close(got[i], expected[i], 1e-10));

  for (const auto& sizes : {std::vector<int64_t>{130, 37}, std::vector<int64_t>{5, 3, 11, 60}}) {
    const std::vector<Tensor> inputs{wave(sizes), wave({sizes[1]}, 1), wave({sizes[1]}, 2)};
    const auto p = leaves_of(inputs), q = leaves_of(inputs);
    const Tensor y = batch_norm(p[0], p[1], p[2], {}, {}, true);
    const Tensor z = composed_batch_norm(q[0], q[1], q[2], 1e-5);
    CHECK(close(y, z));
    const auto left = gradients(y, p), right = gradients(z, q);
    for (size_t i = 0; i < 3; ++i) CHECK(close(left[i], right[i], 1e-10));
  }
}

TEST_CASE("norms keep their accuracy far from zero") {
  // mean(x^2) - mean(x)^2 would lose every digit here.
  const Tensor noise = wave({8, 4000});
  const Tensor x = noise.add(10000).to(kFloat);
  const Tensor expected = layer_norm(x.to(kDouble), {4000});
  CHECK(close(layer_norm(x, {4000}), expected, 2e-3));
  CHECK(close(batch_norm(x.t().contiguous(), {}, {}, {}, {}, true).t(), expected, 2e-3));
}

TEST_CASE("norms without weight or bias, and with only one of them wanted") {
  const Tensor x = wave({4, 6}), w = wave({6}, 1).requires_grad_();
  CHECK(close(layer_norm(x, {6}), layer_norm(x, {6}, ones({6}, kDouble), zeros({6}, kDouble))));
  CHECK(close(batch_norm(x, {}, {}, {}, {}, true),
              batch_norm(x, ones({6}, kDouble), zeros({6}, kDouble), {}, {}, true)));
  const Tensor y = layer_norm(x, {6}, w);
  CHECK(y.grad_fn()->name() == "LayerNormBackward");
  y.backward(wave({4, 6}, 2));
  CHECK(close(w.grad(), layer_norm(x, {6}).mul(wave({4, 6}, 2)).sum(0)));
}

TEST_CASE("norms of strided, empty and 16-bit inputs") {
  const Tensor x = wave({6, 4});
  CHECK(close(layer_norm(x.t(), {6}), layer_norm(x.t().contiguous(), {6}), 0));
  CHECK(layer_norm(zeros({0, 3}), {3}).sizes().equals({0, 3}));
  CHECK(group_norm(zeros({0, 4, 2}), 2).sizes().equals({0, 4, 2}));
  for (const ScalarType dtype : {kHalf, kBFloat16}) {
    const Tensor low = x.to(dtype), w = wave({4}, 1);
    const Tensor expected = layer_norm(low.to(kDouble), {4}, w.to(dtype).to(kDouble)).to(dtype);
    CHECK(layer_norm(low, {4}, w.to(dtype)).dtype() == dtype);
    CHECK(close(layer_norm(low, {4}, w.to(dtype)), expected, 1e-2));
    CHECK(close(layer_norm(low, {4}, w.to(kFloat)), expected, 2e-2));
    CHECK(batch_norm(low, w.to(kFloat), {}, zeros({4}), ones({4}), true).dtype() == dtype);
  }
}

TEST_CASE("batch_norm: running statistics") {
  const Tensor x = wave({5, 3, 2}), m = zeros({3}, kDouble), v = ones({3}, kDouble);
  const Tensor flat = x.transpose(0, 1).reshape({3, 10});
  batch_norm(x, {}, {}, m, v, true, 1.0);
  CHECK(close(m, flat.mean(1)));
  CHECK(close(v, flat.var(IntArrayRef{1})));
  const Tensor y = batch_norm(x, {}, {}, m, v, false, 1.0, 0.0);
  CHECK(close(y, x.sub(m.reshape({3, 1})).div(v.sqrt().reshape({3, 1}))));

  SUBCASE("evaluation's backward keeps the statistics of its forward") {
    const Tensor w = ones({3}, kDouble).requires_grad_();
    const Tensor out = batch_norm(x, w, {}, m, v, false);
    const Tensor expected = batch_norm(x, {}, {}, m, v, false).sum({0, 2});
    m.fill_(5.0);
    v.fill_(9.0);
    out.sum().backward();
    CHECK(close(w.grad(), expected));
  }
}

TEST_CASE("norms do not depend on the number of threads") {
  const Tensor x = wave({300, 517}).to(kFloat), w = wave({517}).to(kFloat);
  CHECK(test::same_bits_with_threads([&] { return layer_norm(x, {517}, w, w); }));
  CHECK(test::same_bits_with_threads([&] { return batch_norm(x, w, w, {}, {}, true); }));
  CHECK(test::same_bits_with_threads([&] {
    const Tensor scale = w.clone().requires_grad_();
    layer_norm(x, {517}, scale).sum().backward();
    return scale.grad();
  }));
}

TEST_CASE("norm errors") {
  const Tensor x = zeros({2, 6});
  CHECK_THROWS_WITH_AS(
      layer_norm(x, {4}),
      "layer_norm: input's trailing dims must be [4] (normalized_shape), got input "
      "of shape [2, 6]",
      Error);
  CHECK_THROWS_WITH_AS(layer_norm(x, IntArrayRef{}),
                       "layer_norm: normalized_shape must have at least one dim, got []", Error);
  CHECK_THROWS_WITH_AS(layer_norm(x, {6}, zeros({5})),
                       "layer_norm: weight must have shape [6] (normalized_shape), got [5]", Error);
  CHECK_THROWS_WITH_AS(rms_norm(x, {6}, zeros({6}, kDouble)),
                       "rms_norm: weight must have dtype Float (input's), got Double", Error);
  CHECK_THROWS_WITH_AS(layer_norm(x.to(kHalf), {6}, zeros({6}, kDouble)),
                       "layer_norm: weight must have dtype Half or Float (input's), got Double",
                       Error);
  CHECK_THROWS_WITH_AS(layer_norm(zeros({3}, kLong), {3}),
                       "layer_norm: input must be floating, got Long", Error);
  CHECK_THROWS_WITH_AS(group_norm(x, 4),
                       "group_norm: num_groups must be positive and divide the 6 channels of input "
                       "[2, 6], got 4",
                       Error);
  CHECK_THROWS_WITH_AS(group_norm(zeros({3}), 1),
                       "group_norm: input must have shape [N, C, ...], got [3]", Error);
  CHECK_THROWS_WITH_AS(batch_norm(zeros({1, 6}), {}, {}, {}, {}, true),
                       "batch_norm: input must have more than 1 value per channel in training, got "
                       "input of shape [1, 6]",
                       Error);
  CHECK_THROWS_WITH_AS(
      batch_norm(x, {}, {}, zeros({6}), {}, false),
      "batch_norm: running_mean and running_var must be defined in evaluation, got "
      "an undefined one",
      Error);
  CHECK_THROWS_WITH_AS(batch_norm(x, {}, {}, zeros({5}), zeros({6}), true),
                       "batch_norm: running_mean must have shape [6] (channels), got [5]", Error);
  CHECK_THROWS_WITH_AS(
      instance_norm(zeros({2, 3, 1})),
      "instance_norm: input must have more than 1 position per channel when its own "
      "statistics are used, got input of shape [2, 3, 1]",
      Error);
}
