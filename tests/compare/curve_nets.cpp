#include "tests/compare/curve_nets.h"

#include <cmath>

#include "autograd/ops/elementwise.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "tensor/factories.h"
#include "tests/device_under_test.h"

namespace fg::test {

namespace F = nn::functional;

namespace {

struct CurveNet : nn::Module {
  /// The two inputs are a batch's data and its targets (or the noise, for the VAE).
  virtual Tensor loss(const Tensor& x, const Tensor& y) = 0;
};

struct DigitsMlp : CurveNet {
  nn::Linear hidden{64, 32}, output{32, 10};
  DigitsMlp() {
    register_module("hidden", hidden);
    register_module("output", output);
  }
  Tensor loss(const Tensor& x, const Tensor& y) override {
    return F::cross_entropy(output(relu(hidden(x))), y);
  }
};

struct DigitsCnn : CurveNet {
  nn::Conv2d conv1{nn::Conv2dOptions(1, 4, 3).padding(1)};
  nn::Conv2d conv2{nn::Conv2dOptions(4, 8, 3).padding(1)};
  nn::Linear hidden{32, 16}, output{16, 10};
  DigitsCnn() {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("hidden", hidden);
    register_module("output", output);
  }
  Tensor loss(const Tensor& x, const Tensor& y) override {
    const F::MaxPool2dFuncOptions pool(2);
    Tensor h = F::max_pool2d(relu(conv1(x.view({-1, 1, 8, 8}))), pool);
    h = F::max_pool2d(relu(conv2(h)), pool);
    return F::cross_entropy(output(relu(hidden(h.flatten(1)))), y);
  }
};

struct BlockImpl : nn::Module {
  int64_t width, heads;
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, proj, fc1, fc2;
  BlockImpl(int64_t width, int64_t heads)
      : width(width),
        heads(heads),
        norm1(std::vector<int64_t>{width}),
        norm2(std::vector<int64_t>{width}),
        qkv(width, 3 * width),
        proj(width, width),
        fc1(width, 4 * width),
        fc2(4 * width, width) {
    register_module("norm1", norm1);
    register_module("qkv", qkv);
    register_module("proj", proj);
    register_module("norm2", norm2);
    register_module("fc1", fc1);
    register_module("fc2", fc2);
  }
  Tensor attention(const Tensor& x) {
    const int64_t batch = x.size(0), length = x.size(1), head_width = width / heads;
    const Tensor split =
        qkv(x).view({batch, length, 3, heads, head_width}).permute({2, 0, 3, 1, 4});
    const Tensor q = split[0], k = split[1], v = split[2];
    const Tensor scores = q.matmul(k.transpose(-2, -1)) / std::sqrt(double(head_width));
    const Tensor future = ones({length, length}, x.options().dtype(kBool)).triu(1);
    const Tensor weights = scores.masked_fill(future, -INFINITY).softmax(-1);
    return proj(weights.matmul(v).transpose(1, 2).reshape({batch, length, width}));
  }
  Tensor forward(const Tensor& x) {
    const Tensor h = x + attention(norm1(x));
    return h + fc2(gelu(fc1(norm2(h)), "tanh"));
  }
};
using Block = nn::ModuleHolder<BlockImpl>;

struct CharGpt : CurveNet {
  static constexpr int64_t kContext = 16, kLayers = 2, kHeads = 2, kWidth = 16;
  nn::Embedding token, position{kContext, kWidth};
  std::vector<Block> blocks;
  nn::LayerNorm norm{std::vector<int64_t>{kWidth}};
  explicit CharGpt(int64_t vocabulary) : token(vocabulary, kWidth) {
    register_module("token", token);
    register_module("position", position);
    for (int64_t i = 0; i < kLayers; ++i) {
      blocks.emplace_back(kWidth, kHeads);
      layers->push_back(blocks.back());
    }
    register_module("blocks", layers);
    register_module("norm", norm);
  }
  Tensor loss(const Tensor& tokens, const Tensor& targets) override {
    Tensor x = token(tokens) + position(arange(tokens.size(1), tokens.device()));
    for (Block& block : blocks) x = block(x);
    // The head shares the token embedding's weight.
    const Tensor logits = F::linear(norm(x), token->weight);
    return F::cross_entropy(logits.flatten(0, 1), targets.flatten());
  }

 private:
  nn::ModuleList layers;
};

struct Vae : CurveNet {
  nn::Linear encoder{64, 32}, mean{32, 4}, log_variance{32, 4}, decoder1{4, 32}, decoder2{32, 64};
  Vae() {
    register_module("encoder", encoder);
    register_module("mean", mean);
    register_module("log_variance", log_variance);
    register_module("decoder1", decoder1);
    register_module("decoder2", decoder2);
  }
  Tensor loss(const Tensor& x, const Tensor& noise) override {
    const Tensor h = relu(encoder(x));
    const Tensor mu = mean(h), logvar = log_variance(h);
    const Tensor z = mu + (0.5 * logvar).exp() * noise;
    const Tensor logits = decoder2(relu(decoder1(z)));
    const Tensor rebuilt = F::binary_cross_entropy_with_logits(
        logits, x, F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(kSum));
    const Tensor divergence = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum();
    return (rebuilt + divergence) / x.size(0);
  }
};

std::unique_ptr<CurveNet> make_net(const FixtureCase& data) {
  if (data.name == "digits_mlp") return std::make_unique<DigitsMlp>();
  if (data.name == "digits_cnn") return std::make_unique<DigitsCnn>();
  if (data.name == "vae") return std::make_unique<Vae>();
  ENSURE(data.name == "char_gpt", "compare_curves: unknown net ", data.name);
  return std::make_unique<CharGpt>(data["param.token.weight"].size(0));
}

/// Batches as tests/fixtures/curve_nets.py makes them: digits_inputs, text_inputs, vae_inputs.
struct Batches {
  Tensor rows, images, labels, text, noise;

  Batches(const FixtureCase& data, ScalarType dtype) : rows(data["batches"]) {
    if (data.has("images")) images = data["images"].to(dtype) / 16;
    if (data.has("labels")) labels = data["labels"];
    if (data.has("text")) text = data["text"].to(kLong);
    if (data.has("noise")) noise = data["noise"].to(dtype);
  }
  std::pair<Tensor, Tensor> operator[](int64_t step) const {
    const Tensor row = rows[step];
    if (text.defined()) {
      const Tensor windows = row.unsqueeze(1) + arange(CharGpt::kContext, row.device());
      return {text.index({windows}), text.index({windows + 1})};
    }
    const Tensor x = images.index({row});
    return {x, noise.defined() ? noise : labels.index({row})};
  }
};

std::unique_ptr<optim::Optimizer> make_optimizer(const FixtureCase& run,
                                                 const std::vector<Tensor>& parameters) {
  const Arguments a = run.arguments();
  const std::string kind = run.options.at("optimizer");
  if (kind == "SGD")
    return std::make_unique<optim::SGD>(
        parameters, optim::SGDOptions(a.number("lr")).momentum(a.number("momentum")));
  if (kind == "Adam")
    return std::make_unique<optim::Adam>(parameters, optim::AdamOptions(a.number("lr")));
  ENSURE(kind == "AdamW", "compare_curves: unknown optimizer ", kind);
  return std::make_unique<optim::AdamW>(
      parameters, optim::AdamWOptions(a.number("lr")).weight_decay(a.number("weight_decay")));
}

}  // namespace

std::vector<double> train_curve(const FixtureFile& file, const std::string& case_name) {
  const FixtureCase& run = file[case_name];
  const FixtureCase& data = file[run.options.at("net")];
  const ScalarType dtype = dtype_named(run.options.at("dtype"));

  const auto net = make_net(data);
  StateDict state = data.starting_with("param.");
  if (state.contains("head.weight")) state.erase("head.weight");
  net->load_state_dict(state);
  net->to(dtype);
  net->to(device_under_test());
  const Batches batches(data, dtype);
  const auto optimizer = make_optimizer(run, net->parameters());

  std::vector<double> losses;
  for (int64_t step = 0; step < data.options.at("steps").get<int64_t>(); ++step) {
    const auto [x, y] = batches[step];
    optimizer->zero_grad();
    const Tensor loss = net->loss(x, y);
    loss.backward();
    optimizer->step();
    losses.push_back(loss.item<double>());
  }
  return losses;
}

}  // namespace fg::test
