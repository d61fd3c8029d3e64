// Recurrent layers and cells. Expected values are libtorch 1.13's for the same weights.
#include <doctest/doctest.h>

#include "autograd/gradcheck.h"
#include "autograd/ops/elementwise.h"
#include "nn/nn.h"
#include "tensor/factories.h"

using namespace fg;
using namespace fg::nn;

namespace {

/// The module in double, its parameters sin(0.7 k) for consecutive k.
template <class Holder>
Holder filled(Holder module) {
  NoGradGuard no_grad;
  module->to(kDouble);
  int64_t next = 0;
  for (const Tensor& p : module->parameters()) {
    p.copy_((arange(next, next + p.numel(), kDouble) * 0.7).sin().view(p.sizes()));
    next += p.numel();
  }
  return module;
}

Tensor input() { return arange(12, kDouble).cos().view({3, 2, 2}); }

bool close(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && a.allclose(b, 1e-9, 1e-11);
}

}  // namespace

TEST_CASE("LSTM: two layers, both directions, projection") {
  auto lstm = filled(LSTM(LSTMOptions(2, 3).num_layers(2).bidirectional(true).proj_size(2)));
  const auto [y, state] = lstm(input());
  const auto& [h, c] = state;
  CHECK(close(y, tensor({0.105298768725, 0.00670401496171,  0.324149787442, 0.76019000171,
                         0.126446642431, 0.0102483242495,   0.339189003768, 0.755280057931,
                         0.201551496058, -0.0269762479191,  0.286480207151, 0.542875495979,
                         0.177740683527, -0.00627760504859, 0.341430774007, 0.555654299818,
                         0.23005712623,  -0.0333246651718,  0.210557385088, 0.294874403145,
                         0.233968207323, -0.0240816295007,  0.211357459597, 0.295149648408},
                        kDouble)
                     .view({3, 2, 4})));
  CHECK(close(h, tensor({0.171878070511, 0.0344628870746, 0.113191484765, 0.0979441674969,
                         0.129999424965, 0.337739986739, 0.803893433484, -0.241262612044,
                         0.23005712623, -0.0333246651718, 0.233968207323, -0.0240816295007,
                         0.324149787442, 0.76019000171, 0.339189003768, 0.755280057931},
                        kDouble)
                     .view({4, 2, 2})));
  CHECK(close(
      c, tensor({0.423605994687,  0.250632069199,  0.34403003046,  0.426263405446,  0.179577336385,
                 0.253429354998,  -0.871911113156, 0.184367692328, 0.532994145793,  -1.05799503146,
                 -0.286693174946, 0.417982337406,  0.430564709629, 0.167643531423,  0.355182900194,
                 0.433412133489,  0.228066687192,  0.320428562325, -0.703479065873, -1.24393955019,
                 -0.77092797031,  -0.692191272986, -1.26231210185, -0.854681533863},
                kDouble)
             .view({4, 2, 3})));
  (y.sum() + c.sum()).backward();
  CHECK(close(lstm->named_parameters()["weight_hh_l0"].grad(),
              tensor({0.0333692759682,  0.0560298497285,  0.0230946988836,  0.0711306525467,
                      0.026124690532,   0.0905594036844,  0.0225067448013,  0.0729163663825,
                      0.00818940584064, 0.0133811132169,  0.00426073906398, 0.000123547067264,
                      0.0518278526917,  0.171333500998,   0.0569447458563,  0.00817615848033,
                      0.0256401690679,  0.0485548682538,  0.00448412686609, 0.00652034407495,
                      0.00117263679681, 0.00501084659905, 0.00233085760367, 0.00555793144797},
                     kDouble)
                  .view({12, 2})));
  CHECK(lstm->named_parameters().size() == 20);
  CHECK(lstm->named_parameters()[9].key() == "weight_hr_l0_reverse");
}

TEST_CASE("GRU: two layers, batch first, initial state") {
  auto gru = filled(GRU(GRUOptions(2, 2).num_layers(2).batch_first(true)));
  const Tensor h0 = (arange(12, kDouble) * 0.3).cos().view({2, 3, 2});
  const auto [y, h] = gru(input(), h0);
  CHECK(close(y, tensor({-0.369686982551, 0.879817755671, -0.113973939623, 0.928770098683,
                         -0.666433409296, 0.868516840236, -0.139856817333, 0.924890972024,
                         -0.710508282049, 0.585428200773, -0.343760035594, 0.782837371324},
                        kDouble)
                     .view({3, 2, 2})));
  CHECK(close(h, tensor({0.810662750916, 0.659878840405, 0.455854193111, 0.928297126621,
                         0.680131271282, 0.190836907282, -0.113973939623, 0.928770098683,
                         -0.139856817333, 0.924890972024, -0.343760035594, 0.782837371324},
                        kDouble)
                     .view({2, 3, 2})));
  y.sum().backward();
  CHECK(close(gru->named_parameters()["weight_hh_l0"].grad(),
              tensor({-0.0625856948017, -0.0639693039087, -0.00919273541175, -0.00152204174951,
                      -0.0191276635916, -0.0160551210115, 0.0127097245962, 0.0206703518992,
                      -0.564761569057, -0.47258997673, 0.0227169453317, 0.00386190524945},
                     kDouble)
                  .view({6, 2})));
}

TEST_CASE("RNN: relu without bias, tanh in both directions") {
  const auto [y, h] = filled(RNN(RNNOptions(2, 2).nonlinearity(kReLU).bias(false)))(input());
  CHECK(close(y, tensor({0.348072301896, 1.45184374124, 0.0, 0.0, 0.0, 0.0, 0.485677166696,
                         1.59697503721, 0.0, 0.0, 0.0, 0.0},
                        kDouble)
                     .view({3, 2, 2})));
  CHECK(close(h, tensor({0.0, 0.0, 0.0, 0.0}, kDouble).view({1, 2, 2})));
  const auto [yb, hb] = filled(RNN(RNNOptions(2, 2).bidirectional(true)))(input());
  CHECK(close(yb, tensor({0.357304303473,   0.985415899317,  0.976147932231,  0.133711293458,
                          -0.545569039325,  -0.253996621808, -0.188995191779, 0.895544158468,
                          -0.0175127135093, -0.587495662603, -0.380776118049, 0.784720368248,
                          0.395021184393,   0.997425613403,  0.894806583078,  -0.101429999805,
                          -0.346120255708,  0.583368139934,  0.70573803068,   0.866414296583,
                          -0.186763598963,  -0.815178624087, 0.52126003658,   0.645347572607},
                         kDouble)
                      .view({3, 2, 4})));
  CHECK(close(hb, tensor({-0.346120255708, 0.583368139934, -0.186763598963, -0.815178624087,
                          0.976147932231, 0.133711293458, -0.188995191779, 0.895544158468},
                         kDouble)
                      .view({2, 2, 2})));
}

TEST_CASE("cells") {
  const Tensor x = input()[0];
  const auto [h, c] = filled(LSTMCell(2, 2))(x);
  CHECK(close(h,
              tensor({-0.396579006594, 0.344912802359, -0.0603595914261, -0.0295511249611}, kDouble)
                  .view({2, 2})));
  CHECK(
      close(c, tensor({-0.450731341751, 0.51538593112, -0.0821081299378, -0.0312758687752}, kDouble)
                   .view({2, 2})));
  CHECK(close(filled(GRUCell(2, 2))(x),
              tensor({-0.323191378678, 0.854418486776, 0.37144686287, -0.121767664993}, kDouble)
                  .view({2, 2})));
  CHECK(close(filled(RNNCell(RNNCellOptions(2, 2).nonlinearity(kReLU)))(x),
              tensor({0.373792262742, 2.4568258756, 0.0, 0.0}, kDouble).view({2, 2})));
  auto cell = filled(LSTMCell(2, 2));
  const auto first = cell(x), second = cell(x, first);
  CHECK_FALSE(close(std::get<0>(second), std::get<0>(first)));
  CHECK(close(std::get<0>(cell(x[1])), h[1]));
}

TEST_CASE("a layer is its cell, step by step; a sequence without batch is a batch of one") {
  auto lstm = filled(LSTM(2, 3));
  LSTMCell cell(2, 3);
  cell->to(kDouble);
  for (const char* name : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
    cell->named_parameters()[name].data().copy_(lstm->named_parameters()[str(name, "_l0")].data());
  }
  const auto [y, state] = lstm(input());
  optional<std::tuple<Tensor, Tensor>> running;
  for (int64_t t = 0; t < 3; ++t) {
    running = cell(input()[t], running);
    CHECK(close(std::get<0>(*running), y[t]));
  }
  CHECK(close(std::get<1>(*running), std::get<1>(state)[0]));
  const auto [single, single_state] = lstm(input().select(1, 1));
  CHECK(close(single, y.select(1, 1)));
  CHECK(close(std::get<0>(single_state), std::get<0>(state).select(1, 1)));
}

TEST_CASE("recurrent layers: gradients, dropout, clones, containers") {
  auto gru = filled(GRU(2, 2));
  CHECK(autograd::gradcheck(
      [&](const std::vector<Tensor>& x) {
        return std::vector<Tensor>{std::get<0>(gru(x[0], x[1]))};
      },
      {input().requires_grad_(), (ones({1, 2, 2}, kDouble) * 0.3).requires_grad_()}));
  LSTM dropped(LSTMOptions(2, 8).num_layers(2).dropout(0.5));
  const Tensor x = rand({5, 3, 2});
  CHECK_FALSE(std::get<0>(dropped(x)).equal(std::get<0>(dropped(x))));
  dropped->eval();
  CHECK(std::get<0>(dropped(x)).equal(std::get<0>(dropped(x))));
  auto copy = std::dynamic_pointer_cast<LSTMImpl>(dropped->clone());
  CHECK(std::get<0>(copy->forward(x)).equal(std::get<0>(dropped(x))));
  const auto output = Sequential(GRU(2, 4))->forward<std::tuple<Tensor, Tensor>>(x);
  CHECK(std::get<0>(output).sizes() == IntArrayRef({5, 3, 4}));
}

TEST_CASE("recurrent layers: initialisation, printing, errors") {
  manual_seed(0);
  LSTM lstm(LSTMOptions(3, 16).num_layers(2));
  manual_seed(0);
  for (const Tensor& parameter : lstm->parameters()) {
    CHECK(parameter.equal(empty(parameter.sizes()).uniform_(-0.25, 0.25)));
  }
  CHECK(
      str(LSTM(LSTMOptions(128, 64).num_layers(3).dropout(0.2))) ==
      "torch::nn::LSTM(input_size=128, hidden_size=64, num_layers=3, bias=true, batch_first=false, "
      "dropout=0.2, bidirectional=false)");
  CHECK(str(LSTM(LSTMOptions(2, 3).proj_size(2))) ==
        "torch::nn::LSTM(input_size=2, hidden_size=3, num_layers=1, bias=true, batch_first=false, "
        "dropout=0, bidirectional=false, proj_size=2)");
  CHECK(str(RNNCell(RNNCellOptions(2, 2).nonlinearity(kReLU))) ==
        "torch::nn::RNNCell(2, 2, nonlinearity=kReLU)");
  CHECK(str(LSTMCell(LSTMCellOptions(3, 4).bias(false))) ==
        "torch::nn::LSTMCell(3, 4, bias=false)");
  CHECK_THROWS_WITH_AS(
      lstm(ones({5, 3, 2})),
      "lstm: input must have 2 or 3 dims, the last of extent 3, got shape [5, 3, 2]", Error);
  CHECK_THROWS_WITH_AS(GRU(2, 4)(ones({5, 3, 2}), ones({1, 2, 4})),
                       "gru: hx must have shape [1, 3, 4] (layers * directions, batch, width), got "
                       "[1, 2, 4]",
                       Error);
  CHECK_THROWS_WITH_AS(LSTM(LSTMOptions(2, 3).proj_size(3)),
                       "lstm: proj_size must lie in [0, hidden_size), got 3", Error);
  CHECK_THROWS_WITH_AS(GRU(GRUOptions(2, 3).num_layers(0)),
                       "gru: num_layers must be positive, got 0", Error);
  CHECK_THROWS_WITH_AS(GRUCell(2, 4)(ones({3, 2}), ones({3, 3})),
                       "gru_cell: the state must have shape [3, 4], got [3, 3]", Error);
}
