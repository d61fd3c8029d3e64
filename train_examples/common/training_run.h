// TrainingRun: the folder that a run leaves behind, and what it shows on the way.
#pragma once

#include "serialize/checkpoint.h"
#include "serialize/tensorboard.h"
#include "train_examples/common/options.h"
#include "train_examples/common/profiled_steps.h"
#include "train_examples/common/progress.h"

namespace fg::examples {

/// Sums over examples, of which it gives the means.
class Score {
 public:
  void add(double mean_loss, double num_correct, int64_t num_samples);
  double loss() const { return loss_sum_ / double(num_samples_); }
  double accuracy() const { return num_correct_ / double(num_samples_); }
  int64_t num_samples() const { return num_samples_; }

 private:
  double loss_sum_ = 0, num_correct_ = 0;
  int64_t num_samples_ = 0;
};

/// How many rows of `logits` [N, classes] are largest at their target [N]; 0-d, on their device.
Tensor num_hits(const Tensor& logits, const Tensor& targets);
double count_correct(const Tensor& logits, const Tensor& targets);

/// One panel of the curve: its title and the columns of the log that it shows.
struct CurvePanel {
  std::string title;
  std::vector<std::string> columns;
  bool is_fraction = false;
};

/// Writes <out>/log.csv, log.jsonl, curve.svg and checkpoint.safetensors after each unit (an epoch
/// or a number of steps), and weights.safetensors at the end. Files are replaced as a whole, so
/// that a run that is stopped leaves whole files. With --tensorboard the same numbers, and histograms of the
/// tracked module's parameters, go to event files.
///
///     TrainingRun run(options, "epoch", options.epochs, panels);
///     run.track("model", *model).track("optimizer", optimizer);
///     for (int64_t epoch = run.start(); epoch < options.epochs; ++epoch) {
///       ...
///       run.log(epoch + 1, metrics);
///     }
///     run.save_weights(model->state_dict());
class TrainingRun {
 public:
  TrainingRun(const Options& options, std::string unit, int64_t num_units,
              std::vector<CurvePanel> panels);

  /// Makes an object part of the checkpoints; it has state_dict() and load_state_dict(), and must
  /// outlive the run.
  template <class T>
  TrainingRun& track(const std::string& name, T& object) {
    if constexpr (std::is_base_of_v<nn::Module, T>) model_ = &object;
    savers_.push_back([name, &object](Checkpoint& to) { to.add(name, object); });
    restorers_.push_back([name, &object](const Checkpoint& from) { from.restore(name, object); });
    return *this;
  }
  /// Goes on from the checkpoint of --resume if there is one. Returns the number of units done.
  int64_t start();
  /// Call after each batch, which --profile takes for a step; `done` counts units, the last by its fraction.
  void show(int64_t samples, double done, const Metrics& metrics) {
    progress_->advance(samples, done, metrics);
    profiled_->step();
  }
  /// Call after each unit, numbered from 1.
  void log(int64_t unit, const Metrics& metrics);
  /// Call at the end. To TensorBoard go the hyperparameters and the last metrics.
  void save_weights(const StateDict& weights);
  /// Where --tensorboard asks for one, the writer of event files, else null; from start() on.
  SummaryWriter* tensorboard() { return writer_ ? &*writer_ : nullptr; }
  /// A file in the folder.
  std::string path(const std::string& file) const { return out_ + "/" + file; }
  double seconds() const { return progress_->seconds(); }

 private:
  void read_log(int64_t done);
  void write_log() const;
  void draw_curve() const;
  void save_checkpoint(int64_t done) const;
  void write_tensorboard(int64_t unit, const Metrics& metrics);

  const Options options_;
  const std::string name_, out_, resume_, unit_;
  const int64_t num_units_;
  const std::vector<CurvePanel> panels_;
  std::vector<std::function<void(Checkpoint&)>> savers_;
  std::vector<std::function<void(const Checkpoint&)>> restorers_;
  std::vector<std::string> columns_;
  std::vector<std::vector<double>> rows_;
  optional<Progress> progress_;
  nn::Module* model_ = nullptr;
  Metrics last_metrics_;
  optional<SummaryWriter> writer_;
  optional<ProfiledSteps> profiled_;
};

}  // namespace fg::examples
