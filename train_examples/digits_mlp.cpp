// digits_mlp: a three-layer perceptron on 1,797 handwritten digits of 8x8 pixels (bundled)
#include <iostream>

#include "fusegrad.h"
#include "train_examples/common/training_run.h"

using namespace fg;
using namespace fg::examples;
namespace F = fg::nn::functional;

namespace {

Tensor loss_of(const Tensor& logits, const Tensor& targets) {
  // Smoothed targets keep a net this large from growing too sure of 1,438 images.
  return F::cross_entropy(logits, targets, F::CrossEntropyFuncOptions().label_smoothing(0.1));
}

Score evaluate(nn::Sequential& model, const data::Example<>& examples) {
  NoGradGuard no_grad;
  model->eval();
  const Tensor logits = model->forward(examples.data);
  Score score;
  score.add(loss_of(logits, examples.target).item<double>(), count_correct(logits, examples.target),
            logits.size(0));
  return score;
}

void train(const Options& options) {
  using data::datasets::Digits;
  manual_seed(options.seed);
  const Digits train_set(options.data, Digits::Mode::kTrain);
  const Digits test_set(options.data, Digits::Mode::kTest);
  auto loader = data::make_data_loader(train_set.batches(), options.batch_size);

  nn::Sequential model(nn::Flatten(), nn::Linear(64, 256), nn::ReLU(), nn::Dropout(0.4),
                       nn::Linear(256, 256), nn::ReLU(), nn::Dropout(0.4), nn::Linear(256, 10));
  model->to(options.device);
  optim::AdamW optimizer(model->parameters(), optim::AdamWOptions(options.lr));
  optim::CosineAnnealingLR schedule(optimizer, options.epochs);
  amp::GradScaler scaler = make_scaler(options);

  const Tensor hits = zeros({}, TensorOptions(kLong).device(options.device));
  const auto train_on = [&](const std::vector<Tensor>& batch) {
    optimizer.zero_grad();
    Tensor logits, loss;
    {
      const autocast guard = autocast_guard(options);
      logits = model->forward(batch[0]);
      loss = loss_of(logits, batch[1]);
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
  const double num_train = double(*train_set.size());
  Score test;
  int64_t epoch = run.start();
  if (auto* board = run.tensorboard(); board && epoch == 0)
    board->add_graph(model, test_set.batches().all().to(options.device).data.narrow(0, 0, 1));
  for (; epoch < options.epochs; ++epoch) {
    model->train();
    Score score;
    for (const auto& batch : *loader) {
      const Tensor loss = step({batch.data, batch.target});
      score.add(loss.item<double>(), hits.item<double>(), batch.data.size(0));
      run.show(batch.data.size(0), double(epoch) + double(score.num_samples()) / num_train,
               {{"loss", score.loss()}, {"accuracy", score.accuracy()}});
    }
    schedule.step();
    test = evaluate(model, test_set.batches().all().to(options.device));
    run.log(epoch + 1, {{"train_loss", score.loss()},
                        {"train_accuracy", score.accuracy()},
                        {"test_loss", test.loss()},
                        {"test_accuracy", test.accuracy()}});
  }
  run.save_weights(model->state_dict());
  test = evaluate(model, test_set.batches().all().to(options.device));
  std::cout << format_metrics({{"test_accuracy", test.accuracy()}}) << " on " << *test_set.size()
            << " held-back digits; see " << run.path("curve.svg") << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.name = "digits_mlp";
  options.data = FUSEGRAD_BUNDLED_DATA "/digits.csv.gz";
  options.epochs = 30;
  options.batch_size = 32;
  options.lr = 2e-3;
  return run_example(
      argc, argv, options, "Trains a perceptron on 8x8 handwritten digits",
      [&](CLI::App& app) { add_graph_flag(app, options.graph); }, [&] { train(options); });
}
