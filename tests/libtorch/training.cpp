// Whole programs as users write them: regression, digits, a generative pair, language models.
#include <fstream>

#include "show.h"

namespace {

void polynomial_regression() {
  constexpr int64_t kDegree = 4;
  auto weights = torch::randn({kDegree, 1}) * 5, bias = torch::randn({1}) * 5;
  const auto features = [](torch::Tensor x) {
    x = x.unsqueeze(1);
    std::vector<torch::Tensor> powers;
    for (int64_t i = 0; i < kDegree; ++i) powers.push_back(x.pow(i + 1));
    return torch::cat(powers, 1);
  };
  auto fc = torch::nn::Linear(weights.size(0), 1);
  torch::optim::SGD optimizer(fc->parameters(), 0.1);
  for (int64_t batch = 1; batch <= 60; ++batch) {
    auto x = features(torch::randn({32})), y = x.mm(weights) + bias[0];
    optimizer.zero_grad();
    auto loss = torch::smooth_l1_loss(fc(x), y);
    const double value = loss.item<float>();
    loss.backward();
    torch::NoGradGuard no_grad;
    for (auto& parameter : fc->parameters()) parameter.add_(parameter.grad() * -0.1);
    if (batch % 10 == 0) show("loss", value);
  }
  show("weights", fc->weight);
}

/// The files of MNIST's test set, filled with blurred bars at ten slopes.
void write_digits(const std::string& folder) {
  const auto big_endian = [](std::ofstream& file, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) file.put(char(value >> shift));
  };
  std::ofstream images(folder + "/t10k-images-idx3-ubyte", std::ios::binary);
  std::ofstream labels(folder + "/t10k-labels-idx1-ubyte", std::ios::binary);
  for (const uint32_t value : {2051u, 10000u, 28u, 28u}) big_endian(images, value);
  for (const uint32_t value : {2049u, 10000u}) big_endian(labels, value);
  for (uint32_t i = 0; i < 10000; ++i) {
    const uint32_t label = i * 7 % 10;
    labels.put(char(label));
    for (int row = 0; row < 28; ++row) {
      for (int column = 0; column < 28; ++column) {
        const double distance =
            (row - 14) * (double(label) - 4.5) / 4 + (column - 14) + int(i * 31 % 5) - 2;
        images.put(
            char(std::abs(distance) < 6 ? 255 - 40 * std::abs(distance) : (i + row * column) % 7));
      }
    }
  }
}

struct Net : torch::nn::Module {
  Net()
      : conv1(torch::nn::Conv2dOptions(1, 10, /*kernel_size=*/5)),
        conv2(torch::nn::Conv2dOptions(10, 20, /*kernel_size=*/5)),
        fc1(320, 50),
        fc2(50, 10) {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("conv2_drop", conv2_drop);
    register_module("fc1", fc1);
    register_module("fc2", fc2);
  }
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(torch::max_pool2d(conv1->forward(x), 2));
    x = torch::relu(torch::max_pool2d(conv2_drop->forward(conv2->forward(x)), 2));
    x = x.view({-1, 320});
    x = torch::relu(fc1->forward(x));
    x = torch::dropout(x, /*p=*/0.5, /*training=*/is_training());
    x = fc2->forward(x);
    return torch::log_softmax(x, /*dim=*/1);
  }
  torch::nn::Conv2d conv1, conv2;
  torch::nn::Dropout2d conv2_drop;
  torch::nn::Linear fc1, fc2;
};

void mnist() {
  write_digits(".");
  torch::DeviceType device_type = torch::cuda::is_available() && false ? torch::kCUDA : torch::kCPU;
  torch::Device device(device_type);
  Net model;
  model.to(device);
  auto data_set = torch::data::datasets::MNIST(".", torch::data::datasets::MNIST::Mode::kTest)
                      .map(torch::data::transforms::Normalize<>(0.1307, 0.3081))
                      .map(torch::data::transforms::Stack<>());
  const size_t size = data_set.size().value();
  show("size", size);
  auto loader =
      torch::data::make_data_loader<torch::data::samplers::RandomSampler>(std::move(data_set), 64);
  torch::optim::SGD optimizer(model.parameters(), torch::optim::SGDOptions(0.01).momentum(0.5));
  model.train();
  size_t batch_index = 0;
  for (auto& batch : *loader) {
    auto data = batch.data.to(device), targets = batch.target.to(device);
    optimizer.zero_grad();
    auto output = model.forward(data);
    auto loss = torch::nll_loss(output, targets);
    AT_ASSERT(!std::isnan(loss.template item<float>()));
    loss.backward();
    optimizer.step();
    if (batch_index++ % 5 == 0) show("train", loss);
    if (batch_index == 30) break;
  }
  torch::NoGradGuard no_grad;
  model.eval();
  double test_loss = 0;
  int64_t correct = 0, count = 0;
  auto test_loader = torch::data::make_data_loader<torch::data::samplers::SequentialSampler>(
      torch::data::datasets::MNIST(".", torch::data::datasets::MNIST::Mode::kTest)
          .map(torch::data::transforms::Normalize<>(0.1307, 0.3081))
          .map(torch::data::transforms::Stack<>()),
      500);
  for (const auto& batch : *test_loader) {
    auto output = model.forward(batch.data);
    test_loss += torch::nll_loss(output, batch.target, /*weight=*/{}, torch::Reduction::Sum)
                     .template item<float>();
    correct += output.argmax(1).eq(batch.target).sum().template item<int64_t>();
    count += batch.data.size(0);
    if (count >= 2000) break;
  }
  show("test loss", test_loss / double(count));
  show("almost all correct or not", correct > count / 2);
}

struct GeneratorImpl : torch::nn::Module {
  explicit GeneratorImpl(int noise)
      : conv1(torch::nn::ConvTranspose2dOptions(noise, 32, 4).bias(false)),
        batch_norm1(32),
        conv2(torch::nn::ConvTranspose2dOptions(32, 16, 3).stride(2).padding(1).bias(false)),
        batch_norm2(16),
        conv3(torch::nn::ConvTranspose2dOptions(16, 1, 4).stride(2).padding(1).bias(false)) {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("conv3", conv3);
    register_module("batch_norm1", batch_norm1);
    register_module("batch_norm2", batch_norm2);
  }
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(batch_norm1(conv1(x)));
    x = torch::relu(batch_norm2(conv2(x)));
    return torch::tanh(conv3(x));
  }
  torch::nn::ConvTranspose2d conv1;
  torch::nn::BatchNorm2d batch_norm1;
  torch::nn::ConvTranspose2d conv2;
  torch::nn::BatchNorm2d batch_norm2;
  torch::nn::ConvTranspose2d conv3;
};
TORCH_MODULE(Generator);

void dcgan() {
  using namespace torch;
  constexpr int64_t kNoise = 8, kBatch = 6;
  ::Generator generator(kNoise);
  nn::Sequential discriminator(
      nn::Conv2d(nn::Conv2dOptions(1, 16, 4).stride(2).padding(1).bias(false)),
      nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.2)),
      nn::Conv2d(nn::Conv2dOptions(16, 32, 4).stride(2).padding(1).bias(false)),
      nn::BatchNorm2d(32), nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.2)),
      nn::Conv2d(nn::Conv2dOptions(32, 1, 3).stride(1).padding(0).bias(false)), nn::Sigmoid());
  std::cout << discriminator << "\n";
  optim::Adam generator_optimizer(generator->parameters(),
                                  optim::AdamOptions(2e-4).betas(std::make_tuple(0.5, 0.5)));
  optim::Adam discriminator_optimizer(discriminator->parameters(),
                                      optim::AdamOptions(5e-4).betas(std::make_tuple(0.5, 0.5)));
  for (int step = 0; step < 6; ++step) {
    discriminator->zero_grad();
    Tensor real_images = torch::rand({kBatch, 1, 14, 14}) * 2 - 1;
    Tensor real_labels = torch::empty(kBatch).uniform_(0.8, 1.0);
    Tensor real_output = discriminator->forward(real_images).reshape(real_labels.sizes());
    Tensor d_loss_real = binary_cross_entropy(real_output, real_labels);
    d_loss_real.backward();
    Tensor noise = torch::randn({kBatch, kNoise, 1, 1});
    Tensor fake_images = generator->forward(noise);
    Tensor fake_labels = torch::zeros(kBatch);
    Tensor fake_output = discriminator->forward(fake_images.detach()).reshape(fake_labels.sizes());
    Tensor d_loss_fake = binary_cross_entropy(fake_output, fake_labels);
    d_loss_fake.backward();
    discriminator_optimizer.step();
    generator->zero_grad();
    fake_labels.fill_(1);
    fake_output = discriminator->forward(fake_images).reshape(fake_labels.sizes());
    Tensor g_loss = binary_cross_entropy(fake_output, fake_labels);
    g_loss.backward();
    generator_optimizer.step();
    show("D loss", d_loss_real + d_loss_fake);
    show("G loss", g_loss);
  }
  show_brief("images", generator->forward(torch::randn({2, kNoise, 1, 1})));
}

const std::string kText =
    "it is a truth universally acknowledged that a single man in possession of a good fortune must "
    "be in want "
    "of a wife however little known the feelings or views of such a man may be on his first "
    "entering a "
    "neighbourhood this truth is so well fixed in the minds of the surrounding families that he is "
    "considered "
    "as the rightful property of some one or other of their daughters ";

torch::Tensor encoded() {
  std::vector<int64_t> codes;
  for (const char c : kText) codes.push_back(c == ' ' ? 0 : c - 'a' + 1);
  return torch::tensor(codes);
}

void lstm_language_model() {
  const auto codes = encoded();
  constexpr int64_t kLength = 20, kBatch = 8;
  torch::nn::Embedding embedding(27, 16);
  torch::nn::LSTM lstm(torch::nn::LSTMOptions(16, 32).num_layers(2).batch_first(true));
  torch::nn::Linear head(32, 27);
  std::vector<torch::Tensor> parameters;
  for (const auto& list : {embedding->parameters(), lstm->parameters(), head->parameters()})
    parameters.insert(parameters.end(), list.begin(), list.end());
  torch::optim::Adam optimizer(parameters, torch::optim::AdamOptions(5e-3));
  for (int step = 0; step < 20; ++step) {
    auto starts = torch::randint(codes.size(0) - kLength - 1, {kBatch});
    std::vector<torch::Tensor> windows;
    for (int64_t i = 0; i < kBatch; ++i)
      windows.push_back(codes.narrow(0, starts[i].item<int64_t>(), kLength + 1));
    auto batch = torch::stack(windows);
    auto output = std::get<0>(lstm(embedding(batch.slice(1, 0, kLength))));
    auto loss = torch::nn::functional::cross_entropy(head(output).view({-1, 27}),
                                                     batch.slice(1, 1).reshape({-1}));
    optimizer.zero_grad();
    loss.backward();
    torch::nn::utils::clip_grad_norm_(parameters, 1.0);
    optimizer.step();
    if (step % 4 == 3) show("loss", loss);
  }
}

void transformer() {
  const auto codes = encoded();
  constexpr int64_t kLength = 16, kBatch = 6;
  torch::nn::Embedding embedding(27, 16), positions(kLength, 16);
  torch::nn::Linear head(16, 27);
  torch::nn::TransformerEncoder encoder(torch::nn::TransformerEncoderOptions(
      torch::nn::TransformerEncoderLayerOptions(16, 4).dim_feedforward(32).dropout(0.1).activation(
          torch::kGELU),
      2));
  torch::manual_seed(1);  // libtorch has drawn numbers while it cloned the layers
  std::vector<torch::Tensor> parameters;
  for (const auto& list : {embedding->parameters(), positions->parameters(), encoder->parameters(),
                           head->parameters()})
    parameters.insert(parameters.end(), list.begin(), list.end());
  torch::optim::AdamW optimizer(parameters, torch::optim::AdamWOptions(3e-3).weight_decay(0.05));
  auto mask = torch::full({kLength, kLength}, -std::numeric_limits<float>::infinity()).triu(1);
  for (int step = 0; step < 12; ++step) {
    std::vector<torch::Tensor> windows;
    for (int64_t i = 0; i < kBatch; ++i)
      windows.push_back(codes.narrow(0, (step * 31 + i * 17) % 300, kLength + 1));
    auto batch = torch::stack(windows, 1);
    auto x = embedding(batch.slice(0, 0, kLength)) + positions(torch::arange(kLength)).unsqueeze(1);
    auto logits = head(encoder(x, mask));
    auto loss =
        torch::cross_entropy_loss(logits.reshape({-1, 27}), batch.slice(0, 1).reshape({-1}));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    if (step % 3 == 2) show("loss", loss);
  }
}

}  // namespace

int main() {
  run_case("polynomial regression", 1e-3, 1e-4, polynomial_regression);
  run_case("MNIST", 2e-3, 1e-4, mnist);
  run_case("DCGAN", 1e-3, 1e-4, dcgan);
  run_case("LSTM language model", 5e-4, 1e-5, lstm_language_model);
  run_case("transformer", 5e-4, 1e-5, transformer);
}
