// char_gpt: a small transformer that learns to write like Jane Austen (bundled text)
#include <iostream>

#include "train_examples/common/gpt.h"
#include "train_examples/common/training_run.h"

using namespace fg;
using namespace fg::examples;
using data::CharCorpus;
namespace F = fg::nn::functional;

namespace {

struct TextOptions {
  int64_t steps = 1500;
  int64_t log_every = 100;
  int64_t sample_length = 400;
  double temperature = 0.8;
  std::string prompt = "Emma ";
};

Tensor loss_of(Gpt& model, const data::Example<>& host_windows) {
  const data::Example<> windows = host_windows.to(model->device());
  const Tensor logits = model->forward(windows.data);
  return F::cross_entropy(logits.flatten(0, 1), windows.target.flatten());
}

/// Mean over at most 64 windows of the held-back part.
double validation_loss(Gpt& model, const CharCorpus& corpus) {
  NoGradGuard no_grad;
  model->eval();
  data::Example<> windows =
      corpus.all_windows(CharCorpus::Part::kValidation, model->options.context);
  const int64_t count = std::min<int64_t>(windows.data.size(0), 64);
  return loss_of(model, {windows.data.narrow(0, 0, count), windows.target.narrow(0, 0, count)})
      .item<double>();
}

/// Goes on from the prompt, drawing one character after the other.
std::string sample(Gpt& model, const CharCorpus& corpus, const TextOptions& options,
                   bool shows_progress) {
  NoGradGuard no_grad;
  Progress progress("character", options.sample_length, 0, shows_progress);
  model->eval();
  Tensor text = corpus.encode(options.prompt).unsqueeze(0).to(model->device());
  for (int64_t i = 0; i < options.sample_length; ++i) {
    const int64_t known = std::min(text.size(1), model->options.context);
    const Tensor logits = model->forward(text.narrow(1, text.size(1) - known, known));
    const Tensor next = (logits.select(1, -1) / options.temperature).softmax(-1).multinomial(1);
    text = cat({text, next}, 1);
    progress.advance(0, double(i + 1), {});
  }
  return corpus.decode(text[0]);
}

void train(const Options& options, GptOptions shape, const TextOptions& text) {
  manual_seed(options.seed);
  const CharCorpus corpus = CharCorpus::from_file(options.data);
  ENSURE(corpus.codes(CharCorpus::Part::kValidation).size(0) > shape.context,
         "--data: ", options.data, " must be longer than ", 10 * shape.context, " characters");
  corpus.encode(text.prompt);  // an unknown character is an error before the training, not after
  shape.vocabulary = corpus.vocabulary_size();
  Gpt model(shape);
  model->to(options.device);
  optim::AdamW optimizer(model->parameters(), optim::AdamWOptions(options.lr).betas({0.9, 0.99}));
  amp::GradScaler scaler = make_scaler(options);
  optim::OneCycleLR schedule(
      optimizer,
      optim::OneCycleLROptions(options.lr, text.steps).pct_start(0.1).cycle_momentum(false));

  TrainingRun run(options, "step", text.steps,
                  {{"cross entropy per character", {"train_loss", "validation_loss"}}});
  run.track("model", *model).track("optimizer", optimizer).track("scheduler", schedule);
  if (scaler.is_enabled()) run.track("scaler", scaler);
  Score score;
  int64_t step = run.start();
  if (auto* board = run.tensorboard(); board && step == 0)
    board->add_graph(model, zeros({1, shape.context}, TensorOptions(kLong).device(options.device)));
  for (; step < text.steps; ++step) {
    model->train();
    optimizer.zero_grad();
    const data::Example<> windows =
        corpus.random_windows(CharCorpus::Part::kTrain, options.batch_size, shape.context);
    Tensor loss;
    {
      const autocast guard = autocast_guard(options);
      loss = loss_of(model, windows);
    }
    scaler.scale(loss).backward();
    scaler.unscale_(optimizer);
    optim::clip_grad_norm_(model->parameters(), 1.0);
    scaler.step(optimizer);
    scaler.update();
    schedule.step();
    score.add(loss.item<double>(), 0, options.batch_size);
    run.show(options.batch_size, double(step + 1), {{"loss", score.loss()}});
    if ((step + 1) % text.log_every != 0 && step + 1 != text.steps) continue;
    run.log(step + 1,
            {{"train_loss", score.loss()}, {"validation_loss", validation_loss(model, corpus)}});
    score = Score();
  }
  run.save_weights(model->state_dict());
  const std::string written = sample(model, corpus, text, options.progress);
  if (auto* board = run.tensorboard())
    board->add_text("sample", "```\n" + written + "\n```", text.steps);
  std::cout << '\n' << written << "\n\nsee " << run.path("curve.svg") << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.name = "char_gpt";
  options.data = FUSEGRAD_BUNDLED_DATA "/austen.txt.gz";
  options.batch_size = 32;
  options.lr = 2e-3;
  GptOptions shape;
  TextOptions text;
  const auto add_flags = [&](CLI::App& app) {
    app.remove_option(app.get_option("--epochs"));
    app.add_option("--steps", text.steps, "Training steps")->check(kPositive);
    app.add_option("--log-every", text.log_every, "Steps between two lines of the log")
        ->check(kPositive);
    app.add_option("--layers", shape.layers, "Transformer blocks")->check(kPositive);
    app.add_option("--heads", shape.heads, "Attention heads")->check(kPositive);
    app.add_option("--width", shape.width, "Numbers per character; a multiple of --heads")
        ->check(kPositive);
    app.add_option("--context", shape.context, "Characters that it looks back")->check(kPositive);
    app.add_option("--dropout", shape.dropout, "Probability of dropout")->check(CLI::Range(0., 1.));
    app.add_option("--prompt", text.prompt, "What the sample begins with");
    app.add_option("--sample-length", text.sample_length, "Characters of the sample");
    app.add_option("--temperature", text.temperature, "Below 1: bolder guesses, above: wilder")
        ->check(CLI::Range(0.01, 100.));
  };
  return run_example(
      argc, argv, options, "Trains a character-level transformer on a text", add_flags, [&] {
        ENSURE(shape.width % shape.heads == 0, "--width must be a multiple of --heads ",
               shape.heads, ", got ", shape.width);
        ENSURE(!text.prompt.empty(), "--prompt must not be empty");
        train(options, shape, text);
      });
}
