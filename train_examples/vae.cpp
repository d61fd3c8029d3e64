// vae: an autoencoder that dreams up digits (bundled ones, or MNIST with --data FOLDER)
#include <filesystem>
#include <iostream>

#include "fusegrad.h"
#include "train_examples/common/training_run.h"

using namespace fg;
using namespace fg::examples;
namespace F = fg::nn::functional;

namespace {

class VaeImpl : public nn::Module {
 public:
  struct Output {
    Tensor logits, mean, log_variance;
  };
  VaeImpl(int64_t pixels, int64_t hidden, int64_t latent)
      : encoder(register_module("encoder", nn::Linear(pixels, hidden))),
        mean(register_module("mean", nn::Linear(hidden, latent))),
        log_variance(register_module("log_variance", nn::Linear(hidden, latent))),
        decoder1(register_module("decoder1", nn::Linear(latent, hidden))),
        decoder2(register_module("decoder2", nn::Linear(hidden, pixels))) {}

  Output forward(const Tensor& images) {
    const Tensor h = encoder(images).relu();
    const Tensor m = mean(h), v = log_variance(h);
    return {decode(m + (v * 0.5).exp() * randn_like(m)), m, v};
  }
  Tensor decode(const Tensor& z) { return decoder2(decoder1(z).relu()); }

 private:
  nn::Linear encoder, mean, log_variance, decoder1, decoder2;
};
using Vae = nn::ModuleHolder<VaeImpl>;

/// All images as [N, height, width] with values in [0, 1].
Tensor load_images(const std::string& path) {
  using namespace data::datasets;
  if (!std::filesystem::is_directory(path))
    return Digits(path, Digits::Mode::kAll).images().squeeze(1);
  return MNIST(path, MNIST::Mode::kTrain).images().squeeze(1);
}

void train(const Options& options, int64_t hidden, int64_t latent) {
  manual_seed(options.seed);
  const Tensor images = load_images(options.data);
  const int64_t count = images.size(0), height = images.size(1), width = images.size(2);
  const Tensor flat = images.flatten(1);
  auto loader =
      data::make_data_loader(data::datasets::TensorBatches(flat, flat), options.batch_size);

  Vae model(height * width, hidden, latent);
  model->to(options.device);
  optim::Adam optimizer(model->parameters(), optim::AdamOptions(options.lr));
  amp::GradScaler scaler = make_scaler(options);

  TrainingRun run(options, "epoch", options.epochs,
                  {{"reconstruction, nats per image", {"reconstruction"}},
                   {"divergence from the prior, nats", {"divergence"}}});
  run.track("model", *model).track("optimizer", optimizer).track("loader", *loader);
  if (scaler.is_enabled()) run.track("scaler", scaler);
  const auto sum = F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(kSum);
  for (int64_t epoch = run.start(); epoch < options.epochs; ++epoch) {
    Score rebuilt, divergence;
    for (const auto& host_batch : *loader) {
      const auto batch = host_batch.to(options.device);
      const double n = double(batch.data.size(0));
      optimizer.zero_grad();
      Tensor error, kl;
      {
        const autocast guard = autocast_guard(options);
        const auto out = model->forward(batch.data);
        const Tensor m = out.mean.to(kFloat), v = out.log_variance.to(kFloat);
        error = F::binary_cross_entropy_with_logits(out.logits, batch.data, sum) / n;
        kl = (m.square() + v.exp() - v - 1).sum() / (2 * n);
      }
      scaler.scale(error + kl).backward();
      scaler.step(optimizer);
      scaler.update();
      rebuilt.add(error.item<double>(), 0, int64_t(n));
      divergence.add(kl.item<double>(), 0, int64_t(n));
      run.show(int64_t(n), double(epoch) + double(rebuilt.num_samples()) / double(count),
               {{"loss", rebuilt.loss() + divergence.loss()}});
    }
    run.log(epoch + 1, {{"reconstruction", rebuilt.loss()}, {"divergence", divergence.loss()}});
  }
  run.save_weights(model->state_dict());

  NoGradGuard no_grad;
  const Tensor samples = model->decode(randn({64, latent}, options.device))
                             .sigmoid()
                             .view({64, 1, height, width})
                             .cpu();
  const int64_t scale = height < 16 ? 6 : 3;
  save_image(samples.repeat_interleave(scale, 2).repeat_interleave(scale, 3),
             run.path("samples.png"), MakeGridOptions(16).padding(scale).pad_value(0.35));
  if (auto* board = run.tensorboard()) board->add_images("samples", samples, options.epochs);
  std::cout << "64 samples are in " << run.path("samples.png") << "; see also "
            << run.path("curve.svg") << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.name = "vae";
  options.data = FUSEGRAD_BUNDLED_DATA "/digits.csv.gz";
  options.epochs = 60;
  options.lr = 2e-3;
  int64_t hidden = 256, latent = 8;
  const auto add_flags = [&](CLI::App& app) {
    app.add_option("--hidden", hidden, "Width of the hidden layers")->check(kPositive);
    app.add_option("--latent", latent, "Numbers that an image is squeezed into")->check(kPositive);
  };
  return run_example(
      argc, argv, options,
      "Trains a variational autoencoder and draws samples. --data is the digits' CSV file "
      "or a folder with MNIST",
      add_flags, [&] { train(options, hidden, latent); });
}
