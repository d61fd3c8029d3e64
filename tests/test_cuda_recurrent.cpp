// Recurrent layers on the GPU against the CPU, and what their one node does.

#include <doctest/doctest.h>

#include "autograd/composed.h"
#include "autograd/engine.h"
#include "autograd/gradcheck.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/recurrent.h"
#include "cuda/precision.h"
#include "nn/nn.h"
#include "tensor/factories.h"
#include "tensor/shape.h"
#include "tests/gpu.h"

using namespace fg;
using autograd::variable_list;
using detail::RecurrentState;

namespace {

Tensor wave(IntArrayRef sizes, double phase) {
  return (arange(numel_of(sizes), kDouble) * 0.7 + phase).sin().reshape(sizes) * 0.5;
}

/// Shapes of the parameters, written out again from nn's documentation.
std::vector<Tensor> parameters_of(const RecurrentGeometry& g) {
  std::vector<Tensor> result;
  const int64_t rows = g.gates() * g.hidden_size;
  for (int64_t layer = 0; layer < g.num_layers; ++layer) {
    for (int64_t direction = 0; direction < g.directions(); ++direction) {
      const int64_t in = layer == 0 ? g.input_size : g.width() * g.directions();
      std::vector<DimVector> shapes{{rows, in}, {rows, g.width()}};
      if (g.bias) shapes.insert(shapes.end(), 2, DimVector{rows});
      if (g.proj_size > 0) shapes.push_back({g.proj_size, g.hidden_size});
      for (const DimVector& shape : shapes)
        result.push_back(wave(shape, 0.3 * double(result.size())));
    }
  }
  return result;
}

std::vector<RecurrentGeometry> geometries() {
  using enum RecurrentKind;
  return {
      {Lstm, 5, 4, 0, 1, true, false, {3, 3, 3}},    {Lstm, 3, 4, 2, 2, true, true, {2, 2}},
      {Lstm, 3, 4, 0, 2, false, true, {3, 2, 2, 1}}, {Gru, 5, 3, 0, 2, true, false, {3, 3, 3, 3}},
      {Gru, 2, 3, 0, 1, false, true, {4, 2, 1}},     {RnnTanh, 4, 3, 0, 2, true, true, {2, 2, 2}},
      {RnnRelu, 4, 3, 0, 1, true, false, {2, 1}},
  };
}

/// sequence, hidden, cell (or undefined), parameters: leaves.
variable_list inputs_of(const RecurrentGeometry& g, const TensorOptions& options) {
  int64_t steps = 0;
  for (int64_t batch : g.batch_sizes) steps += batch;
  const int64_t cells = g.num_layers * g.directions(), batch = g.batch_sizes[0];
  variable_list all{wave({steps, g.input_size}, 0.1), wave({cells, batch, g.width()}, 0.2), {}};
  if (g.kind == RecurrentKind::Lstm) all[2] = wave({cells, batch, g.hidden_size}, 0.4);
  const std::vector<Tensor> parameters = parameters_of(g);
  all.insert(all.end(), parameters.begin(), parameters.end());
  for (Tensor& t : all)
    if (t.defined()) t = t.to(options).requires_grad_();
  return all;
}

/// states, hidden and, of an LSTM, cell.
variable_list run(const RecurrentGeometry& g, const variable_list& in) {
  RecurrentState state{in[1], in[2]};
  const Tensor states =
      detail::recurrent_layers(in[0], std::vector<Tensor>(in.begin() + 3, in.end()), g, state);
  variable_list out{states, state.hidden};
  if (state.cell.defined()) out.push_back(state.cell);
  return out;
}

void backward(const variable_list& outputs) {
  variable_list weights;
  for (const Tensor& output : outputs)
    weights.push_back(wave(output.sizes(), 0.6).to(output.options().requires_grad(false)));
  autograd::backward(outputs, weights);
}

void check_close(const Tensor& got, const Tensor& want, double tolerance) {
  CHECK(got.sizes() == want.sizes());
  CHECK((got.cpu().to(kDouble) - want).abs().max().item<double>() <=
        tolerance * (want.abs().max().item<double>() + 1));
}

}  // namespace

TEST_CASE("cuda recurrent layers: values and gradients as on the CPU") {
  if (!require_gpu()) return;
  globalContext().setAllowTF32CuDNN(false);
  for (const RecurrentGeometry& g : geometries()) {
    CAPTURE(int(g.kind));
    CAPTURE(g.num_layers);
    const variable_list want_in = inputs_of(g, kDouble);
    const variable_list want = run(g, want_in);
    backward(want);
    // The inputs are rounded too, and the error grows with each step and layer: some tens of roundings.
    for (const auto& [type, tolerance] : {std::pair{kDouble, 1e-13}, std::pair{kFloat, 1e-5},
                                          std::pair{kHalf, 0x1p-7}, std::pair{kBFloat16, 0x1p-4}}) {
      CAPTURE(to_string(type));
      const variable_list in = inputs_of(g, TensorOptions(type).device(kCUDA));
      const variable_list out = run(g, in);
      backward(out);
      REQUIRE(out.size() == want.size());
      for (size_t i = 0; i < out.size(); ++i) check_close(out[i], want[i], tolerance);
      for (size_t i = 0; i < in.size(); ++i)
        if (in[i].defined()) check_close(in[i].grad(), want_in[i].grad(), tolerance);
    }
  }
  globalContext().setAllowTF32CuDNN(true);
}

TEST_CASE("cuda recurrent layers: one node, which can be gone through twice") {
  if (!require_gpu()) return;
  const RecurrentGeometry g = geometries()[1];
  const TensorOptions options = TensorOptions(kDouble).device(kCUDA);
  const variable_list in = inputs_of(g, options);
  const variable_list out = run(g, in);
  CHECK(out[0].grad_fn()->name() == "LstmBackward");
  for (const Tensor& output : out) CHECK(output.grad_fn() == out[0].grad_fn());
  CHECK(run(geometries()[3], inputs_of(geometries()[3], options))[1].grad_fn()->name() ==
        "GruBackward");
  {
    const ComposedGuard composed;
    CHECK(run(g, in)[0].grad_fn()->name() != "LstmBackward");
  }

  const Tensor weight = wave(out[0].sizes(), 0.6).to(options);
  const auto once = [&] { return autograd::grad({out[0]}, {in[0], in[3]}, {weight}, true); };
  const variable_list first = once(), second = once();
  for (size_t i = 0; i < first.size(); ++i) CHECK(first[i].cpu().equal(second[i].cpu()));
}

TEST_CASE("cuda recurrent layers: gradients by differences, to the second order") {
  if (!require_gpu()) return;
  // Small: under the emulation each of the many evaluations costs milliseconds.
  const RecurrentGeometry g{RecurrentKind::Lstm, 1, 1, 0, 1, false, false, {2, 1}};
  const variable_list in = inputs_of(g, TensorOptions(kDouble).device(kCUDA));
  const auto f = [&](const variable_list& values) { return run(g, values); };
  CHECK(autograd::gradcheck(f, in));
  CHECK(autograd::gradgradcheck(f, in));
}

TEST_CASE("cuda recurrent layers: modules, with and without dropping between layers") {
  if (!require_gpu()) return;
  nn::LSTM lstm(nn::LSTMOptions(3, 4).num_layers(2).batch_first(true).dropout(0.5));
  lstm->to(kDouble);
  lstm->eval();
  const Tensor x = wave({2, 5, 3}, 0.1);
  const auto [want, want_state] = lstm->forward(x);
  lstm->to(kCUDA);
  const auto [got, state] = lstm->forward(x.to(kCUDA));
  check_close(got, want, 1e-13);
  check_close(std::get<1>(state), std::get<1>(want_state), 1e-13);

  // Nothing is dropped before the first layer or behind the last.
  lstm->train();
  const auto [dropped, dropped_state] = lstm->forward(x.to(kCUDA));
  CHECK(dropped.sizes() == want.sizes());
  check_close(std::get<0>(dropped_state)[0], std::get<0>(want_state)[0], 1e-13);
  CHECK_FALSE(std::get<0>(dropped_state)[1].cpu().allclose(std::get<0>(want_state)[1]));
}
