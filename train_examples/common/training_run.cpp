#include "train_examples/common/training_run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "serialize/file.h"
#include "serialize/safetensors.h"
#include "train_examples/common/chart.h"

namespace fg::examples {
namespace {

/// With all digits that a double needs, so that a log that is read and written again does not
/// change.
std::string exact(double value) {
  std::ostringstream out;
  out.precision(17);
  out << value;
  return out.str();
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

}  // namespace

void Score::add(double mean_loss, double num_correct, int64_t num_samples) {
  loss_sum_ += mean_loss * double(num_samples);
  num_correct_ += num_correct;
  num_samples_ += num_samples;
}

Tensor num_hits(const Tensor& logits, const Tensor& targets) {
  return logits.detach().argmax(1).eq(targets).sum();
}

double count_correct(const Tensor& logits, const Tensor& targets) {
  return num_hits(logits, targets).item<double>();
}

TrainingRun::TrainingRun(const Options& options, std::string unit, int64_t num_units,
                         std::vector<CurvePanel> panels)
    : options_(options),
      name_(options.name),
      out_(options.out),
      resume_(options.resume),
      unit_(std::move(unit)),
      num_units_(num_units),
      panels_(std::move(panels)) {
  std::error_code error;
  std::filesystem::create_directories(out_, error);
  ENSURE(!error, "--out: cannot make the folder ", out_, ": ", error.message());
}

int64_t TrainingRun::start() {
  int64_t done = 0;
  if (!resume_.empty()) {
    const Checkpoint checkpoint = load_checkpoint(resume_);
    const auto value = [&](const char* key) {
      const auto found = checkpoint.metadata.find(key);
      return found == checkpoint.metadata.end() ? "" : found->second;
    };
    ENSURE(value("program") == name_, "--resume: ", resume_, " must be a checkpoint of ", name_,
           ", got one of '", value("program"), "'");
    done = std::strtoll(value("done").c_str(), nullptr, 10);
    for (const auto& restore : restorers_) restore(checkpoint);
    // Last: making and loading objects may draw numbers.
    checkpoint.restore("random", default_generator());
    read_log(done);
  }
  if (!options_.tensorboard.empty())
    writer_.emplace(SummaryWriterOptions(options_.tensorboard)
                        .purge_step(done > 0 ? optional(done + 1) : nullopt));
  progress_.emplace(unit_, num_units_, done, options_.progress);
  profiled_.emplace(options_.profile);
  return done;
}

void TrainingRun::save_checkpoint(int64_t done) const {
  Checkpoint checkpoint;
  for (const auto& save : savers_) save(checkpoint);
  checkpoint.add("random", default_generator());
  checkpoint.metadata = {{"program", name_}, {"done", std::to_string(done)}};
  checkpoint.save(path("checkpoint.safetensors"));
}

void TrainingRun::read_log(int64_t done) {
  std::ifstream in(path("log.csv"));
  std::string line;
  if (!std::getline(in, line)) return;  // the checkpoint came without its folder
  columns_ = split(line);
  while (std::getline(in, line)) {
    std::vector<double> row;
    for (const std::string& cell : split(line)) row.push_back(std::strtod(cell.c_str(), nullptr));
    if (row.size() == columns_.size() && row[0] <= double(done)) rows_.push_back(row);
  }
}

void TrainingRun::log(int64_t unit, const Metrics& metrics) {
  progress_->finish(unit, metrics);
  columns_ = {unit_};
  rows_.push_back({double(unit)});
  for (const auto& [name, value] : metrics) {
    columns_.push_back(name);
    rows_.back().push_back(value);
  }
  columns_.push_back("samples_per_second");
  rows_.back().push_back(progress_->samples_per_second());
  write_log();
  draw_curve();
  write_tensorboard(unit, metrics);
  save_checkpoint(unit);
}

void TrainingRun::write_log() const {
  std::string csv, jsonl;
  for (size_t i = 0; i < columns_.size(); ++i) csv += (i ? "," : "") + columns_[i];
  for (const auto& row : rows_) {
    csv += '\n';
    jsonl += '{';
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string value = exact(row[i]);
      csv += (i ? "," : "") + value;
      // JSON has no NaN and no infinity.
      jsonl +=
          (i ? ", \"" : "\"") + columns_[i] + "\": " + (std::isfinite(row[i]) ? value : "null");
    }
    jsonl += "}\n";
  }
  write_file(name_, path("log.csv"), csv + '\n');
  write_file(name_, path("log.jsonl"), jsonl);
}

void TrainingRun::draw_curve() const {
  std::vector<Panel> panels;
  for (const CurvePanel& shown : panels_) {
    Panel panel{shown.title, {}, shown.is_fraction};
    for (const std::string& column : shown.columns) {
      const auto at = std::find(columns_.begin(), columns_.end(), column) - columns_.begin();
      Series series{column, {}, {}};
      std::replace(series.name.begin(), series.name.end(), '_', ' ');
      for (const auto& row : rows_) {
        if (size_t(at) >= row.size()) continue;
        series.x.push_back(row[0]);
        series.y.push_back(row[size_t(at)]);
      }
      panel.series.push_back(std::move(series));
    }
    panels.push_back(std::move(panel));
  }
  write_file(name_, path("curve.svg"), draw_chart(name_, unit_, panels));
}

void TrainingRun::write_tensorboard(int64_t unit, const Metrics& metrics) {
  last_metrics_ = metrics;
  if (!writer_) return;
  for (const auto& [name, value] : metrics) writer_->add_scalar(name, value, unit);
  writer_->add_scalar("samples_per_second", progress_->samples_per_second(), unit);
  if (model_) {
    for (const auto& item : model_->named_parameters()) {
      // Where a training has gone astray there may be nothing to count.
      constexpr double kLargestShown = 1e19;
      if (item.value().detach().abs().lt(kLargestShown).any().item<bool>())
        writer_->add_histogram("parameters/" + item.key(), item.value(), unit);
    }
  }
  writer_->flush();
}

void TrainingRun::save_weights(const StateDict& weights) {
  save_safetensors(path("weights.safetensors"), weights);
  if (!writer_) return;
  ScalarDict results;
  for (const auto& [name, value] : last_metrics_) results.emplace_back("final/" + name, value);
  writer_->add_hparams({{"lr", options_.lr},
                        {"batch_size", options_.batch_size},
                        {unit_ + "s", num_units_},
                        {"seed", options_.seed},
                        {"device", str(options_.device)}},
                       results, "final");
  writer_->flush();
}

}  // namespace fg::examples
