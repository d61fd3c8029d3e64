// mnist_cnn: two convolutions with dropout on MNIST (--data: folder with its four IDX files)
#include <iostream>

#include "fusegrad.h"
#include "train_examples/common/training_run.h"

using namespace fg;
using namespace fg::examples;
namespace F = fg::nn::functional;

namespace {

nn::Sequential make_model() {
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(1, 16, 5).padding(2)), nn::ReLU(),
                        nn::MaxPool2d(2), nn::Conv2d(nn::Conv2dOptions(16, 32, 5).padding(2)),
                        nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(), nn::Dropout(0.3),
                        nn::Linear(32 * 7 * 7, 128), nn::ReLU(), nn::Dropout(0.3),
                        nn::Linear(128, 10));
}

constexpr int64_t kTestBatch = 500;

template <class Loader>
Score evaluate(nn::Sequential& model, Loader& loader, int64_t num_images, const Options& options) {
  NoGradGuard no_grad;
  model->eval();
  Score score;
  Progress progress("test batch", (num_images + kTestBatch - 1) / kTestBatch, 0, options.progress);
  for (const auto& host_batch : loader) {
    const auto batch = host_batch.to(options.device);
    const Tensor logits = model->forward(batch.data);
    const Tensor loss = F::cross_entropy(logits, batch.target);
    score.add(loss.template item<double>(), count_correct(logits, batch.target), logits.size(0));
    progress.advance(logits.size(0), double(score.num_samples()) / double(kTestBatch), {});
  }
  return score;
}

void train(const Options& options) {
  using data::datasets::MNIST;
  manual_seed(options.seed);
  const MNIST train_set(options.data, MNIST::Mode::kTrain);
  const MNIST test_set(options.data, MNIST::Mode::kTest);
  auto loader = data::make_data_loader(train_set.batches(), options.batch_size);
  auto test_loader =
      data::make_data_loader<data::samplers::SequentialSampler>(test_set.batches(), kTestBatch);

  nn::Sequential model = make_model();
  const int64_t num_train = int64_t(*train_set.size()), num_test = int64_t(*test_set.size());
  const int64_t steps = (num_train + options.batch_size - 1) / options.batch_size;
  model->to(options.device);
  optim::Adam optimizer(model->parameters(), optim::AdamOptions(options.lr));
  optim::OneCycleLR schedule(optimizer, options.lr, options.epochs * steps);
  amp::GradScaler scaler = make_scaler(options);

  const Tensor hits = zeros({}, TensorOptions(kLong).device(options.device));
  const auto train_on = [&](const std::vector<Tensor>& batch) {
    optimizer.zero_grad();
    Tensor logits, loss;
    {
      const autocast guard = autocast_guard(options);
      logits = model->forward(batch[0]);
      loss = F::cross_entropy(logits, batch[1]);
    }
    scaler.scale(loss).backward();
    scaler.step(optimizer);
    scaler.update();
    hits.copy_(num_hits(logits, batch[1]));
    return loss;
  };
  // The last batch is smaller, and runs as it is.
  GraphedStep step(options.device, train_on,
                   GraphedStepOptions().enabled(options.graph).eager_fallback(true));

  TrainingRun run(options, "epoch", options.epochs,
                  {{"cross entropy", {"train_loss", "test_loss"}},
                   {"accuracy", {"train_accuracy", "test_accuracy"}, /*is_fraction=*/true}});
  run.track("model", *model).track("optimizer", optimizer);
  run.track("scheduler", schedule).track("loader", *loader);
  if (scaler.is_enabled()) run.track("scaler", scaler);
  int64_t epoch = run.start();
  if (auto* board = run.tensorboard(); board && epoch == 0)
    board->add_graph(model, zeros({1, 1, 28, 28}, options.device));
  for (; epoch < options.epochs; ++epoch) {
    model->train();
    Score score;
    for (const auto& batch : *loader) {
      const Tensor loss = step({batch.data, batch.target});
      schedule.step();
      score.add(loss.item<double>(), hits.item<double>(), batch.data.size(0));
      run.show(batch.data.size(0), double(epoch) + double(score.num_samples()) / double(num_train),
               {{"loss", score.loss()}, {"accuracy", score.accuracy()}});
    }
    const Score test = evaluate(model, *test_loader, num_test, options);
    run.log(epoch + 1, {{"train_loss", score.loss()},
                        {"train_accuracy", score.accuracy()},
                        {"test_loss", test.loss()},
                        {"test_accuracy", test.accuracy()}});
  }
  run.save_weights(model->state_dict());
  const Score test = evaluate(model, *test_loader, num_test, options);
  std::cout << format_metrics({{"test_accuracy", test.accuracy()}}) << " on " << test.num_samples()
            << " images; see " << run.path("curve.svg") << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.name = "mnist_cnn";
  options.data = "data/mnist";
  options.epochs = 2;
  options.batch_size = 64;
  options.lr = 3e-3;
  return run_example(
      argc, argv, options,
      "Trains a small convolutional network on MNIST. --data is a folder with its four "
      "IDX files, gzipped or not",
      [&](CLI::App& app) { add_graph_flag(app, options.graph); }, [&] { train(options); });
}
