// spirals: tells the arms of a noisy spiral apart and paints the regions it has learnt
#include <cmath>
#include <iostream>
#include <numbers>

#include "fusegrad.h"
#include "serialize/png.h"
#include "train_examples/common/training_run.h"

using namespace fg;
using namespace fg::examples;
namespace F = fg::nn::functional;

namespace {

constexpr int64_t kArms = 3;
constexpr double kHalfWidth = 1.2;  // of the picture
constexpr uint8_t kColors[kArms][3] = {{0, 114, 178}, {213, 94, 0}, {0, 158, 115}};

/// Points [arms * n, 2] on arms that wind once around the origin, and the arm of each.
data::Example<> make_spirals(int64_t n, double noise) {
  const Tensor arm = arange(kArms).repeat_interleave(n);
  const Tensor radius = linspace(0.05, 1, n).repeat({kArms});
  const Tensor angle = radius * (2 * std::numbers::pi) + arm * (2 * std::numbers::pi / kArms) +
                       randn({kArms * n}) * noise;
  return {stack({radius * angle.cos(), radius * angle.sin()}, 1), arm};
}

/// Every pixel in the colours of the classes, mixed by their probabilities; the points on top.
Tensor paint(nn::Sequential& model, const data::Example<>& points, int64_t size, Device device) {
  NoGradGuard no_grad;
  const Tensor axis = linspace(-kHalfWidth, kHalfWidth, size);
  const Tensor x = axis.unsqueeze(0).expand({size, size}),
               y = -axis.unsqueeze(1).expand({size, size});
  const Tensor pixels = stack({x, y}, -1).view({size * size, 2});
  const Tensor probabilities = model->forward(pixels.to(device)).softmax(1).cpu();
  const Tensor colors =
      from_blob(const_cast<uint8_t*>(&kColors[0][0]), {kArms, 3}, kByte).to(kFloat);
  const Tensor picture =
      (probabilities.matmul(colors) * 0.45 + 0.55 * 255).round().to(kByte).view({size, size, 3});
  const Tensor pixel = ((points.data + kHalfWidth) / (2 * kHalfWidth) * size).to(kLong);
  for (int64_t i = 0; i < pixel.size(0); ++i) {
    const int64_t column = pixel[i][0].item<int64_t>(),
                  row = size - 1 - pixel[i][1].item<int64_t>();
    if (std::min(row, column) < 2 || std::max(row, column) > size - 3) continue;
    picture.narrow(0, row - 2, 4)
        .narrow(1, column - 2, 4)
        .copy_(colors[points.target[i].item<int64_t>()].to(kByte));
  }
  return picture;
}

void train(const Options& options, int64_t points_per_arm, double noise) {
  manual_seed(options.seed);
  const data::Example<> points = make_spirals(points_per_arm, noise);
  const data::Example<> test_points = make_spirals(points_per_arm, noise).to(options.device);
  auto loader = data::make_data_loader(data::datasets::TensorBatches(points.data, points.target),
                                       options.batch_size);

  nn::Sequential model(nn::Linear(2, 64), nn::Tanh(), nn::Linear(64, 64), nn::Tanh(),
                       nn::Linear(64, kArms));
  model->to(options.device);
  optim::AdamW optimizer(model->parameters(), optim::AdamWOptions(options.lr));
  optim::CosineAnnealingLR schedule(optimizer, options.epochs);
  amp::GradScaler scaler = make_scaler(options);

  TrainingRun run(options, "epoch", options.epochs,
                  {{"cross entropy", {"train_loss", "test_loss"}},
                   {"accuracy", {"train_accuracy", "test_accuracy"}, /*is_fraction=*/true}});
  run.track("model", *model).track("optimizer", optimizer);
  run.track("scheduler", schedule).track("loader", *loader);
  if (scaler.is_enabled()) run.track("scaler", scaler);
  int64_t epoch = run.start();
  if (auto* board = run.tensorboard(); board && epoch == 0)
    board->add_graph(model, test_points.data.narrow(0, 0, 1));
  for (; epoch < options.epochs; ++epoch) {
    Score score, test;
    for (const auto& host_batch : *loader) {
      const auto batch = host_batch.to(options.device);
      optimizer.zero_grad();
      Tensor logits, loss;
      {
        const autocast guard = autocast_guard(options);
        logits = model->forward(batch.data);
        loss = F::cross_entropy(logits, batch.target);
      }
      scaler.scale(loss).backward();
      scaler.step(optimizer);
      scaler.update();
      score.add(loss.item<double>(), count_correct(logits, batch.target), logits.size(0));
      run.show(logits.size(0),
               double(epoch) + double(score.num_samples()) / double(points.data.size(0)),
               {{"loss", score.loss()}, {"accuracy", score.accuracy()}});
    }
    schedule.step();
    NoGradGuard no_grad;
    const Tensor logits = model->forward(test_points.data);
    test.add(F::cross_entropy(logits, test_points.target).item<double>(),
             count_correct(logits, test_points.target), logits.size(0));
    run.log(epoch + 1, {{"train_loss", score.loss()},
                        {"train_accuracy", score.accuracy()},
                        {"test_loss", test.loss()},
                        {"test_accuracy", test.accuracy()}});
  }
  run.save_weights(model->state_dict());
  const Tensor picture = paint(model, points, 480, options.device);
  write_png(run.path("regions.png"), picture);
  if (auto* board = run.tensorboard())
    board->add_image("regions", picture, options.epochs, nullopt, "HWC");
  std::cout << "the regions are painted in " << run.path("regions.png") << "; see also "
            << run.path("curve.svg") << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.name = "spirals";
  options.epochs = 60;
  options.batch_size = 32;
  options.lr = 5e-3;
  int64_t points_per_arm = 300;
  double noise = 0.15;
  const auto add_flags = [&](CLI::App& app) {
    app.remove_option(app.get_option("--data"));
    app.add_option("--points", points_per_arm, "Points of each arm")->check(CLI::Range(2, 100000));
    app.add_option("--noise", noise, "Spread of the points' angles")->check(kNotNegative);
  };
  return run_example(argc, argv, options, "Learns which arm of a spiral a point lies on", add_flags,
                     [&] { train(options, points_per_arm, noise); });
}
