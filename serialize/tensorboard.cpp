#include "serialize/tensorboard.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include <unistd.h>

#include "serialize/tensorboard_events.h"

namespace fg {
namespace {

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return *name ? name : "localhost";
}

/// runs/Nov20_19-04-10_host<comment>
std::string default_log_dir(const std::string& comment) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char date[64];
  std::strftime(date, sizeof date, "%b%d_%H-%M-%S", &local);
  return "runs/" + std::string(date) + "_" + host_name() + comment;
}

/// TensorBoard reads the files of a folder in the order of their names, and knows them by "tfevents".
std::string file_name(const std::string& suffix) {
  static std::atomic<unsigned> counter{0};
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%010lld", static_cast<long long>(std::time(nullptr)));
  return str("events.out.tfevents.", seconds, ".", host_name(), ".", getpid(), ".", counter++,
             suffix);
}

}  // namespace

SummaryWriter::SummaryWriter(SummaryWriterOptions options) : options_(std::move(options)) {
  ENSURE(options_.max_queue() > 0 && options_.flush_secs() >= 0,
         "SummaryWriter: max_queue must be positive and flush_secs must not be negative, got ",
         options_.max_queue(), " and ", options_.flush_secs());
  if (options_.log_dir().empty()) options_.log_dir(default_log_dir(options_.comment()));
  file();
}

SummaryWriter::~SummaryWriter() = default;

EventFile& SummaryWriter::file() {
  EventFile& result = open_file(options_.log_dir());
  if (options_.purge_step()) {
    constexpr int64_t kStart = 1;
    WireMessage restart = tensorboard::event(options_.purge_step(), nullopt);
    result.append(restart.message(7, WireMessage().integer(1, kStart)).bytes());
    options_.purge_step(nullopt);
  }
  return result;
}

EventFile& SummaryWriter::open_file(const std::string& folder) {
  std::unique_ptr<EventFile>& slot = files_[folder];
  if (slot) return *slot;
  try {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    ENSURE(!error, "SummaryWriter: cannot make the folder ", folder, ": ", error.message());
    slot = std::make_unique<EventFile>("SummaryWriter",
                                       folder + "/" + file_name(options_.filename_suffix()),
                                       options_.max_queue(), options_.flush_secs());
  } catch (...) {
    files_.erase(folder);
    throw;
  }
  slot->append(tensorboard::event(nullopt, nullopt).text(3, "brain.Event:2").bytes());
  slot->flush();
  return *slot;
}

void SummaryWriter::write(const std::string& event) {
  const std::lock_guard lock(mutex_);
  file().append(event);
}

void SummaryWriter::add_scalar(const std::string& tag, double scalar_value, Step global_step,
                               WallTime walltime) {
  tensorboard::check_utf8("add_scalar", "tag", tag);
  const WireMessage value = WireMessage().real32(2, float(scalar_value));
  write(tensorboard::summary_event(tag, value, global_step, walltime));
}

void SummaryWriter::add_scalar(const std::string& tag, const Tensor& scalar_value, Step global_step,
                               WallTime walltime) {
  ENSURE(scalar_value.defined() && scalar_value.numel() == 1,
         "add_scalar: scalar_value must have one element, got ",
         scalar_value.defined() ? str("shape ", scalar_value.sizes()) : "an undefined tensor");
  add_scalar(tag, scalar_value.item<double>(), global_step, walltime);
}

void SummaryWriter::add_scalars(const std::string& main_tag, const ScalarDict& tag_scalar_dict,
                                Step global_step, WallTime walltime) {
  tensorboard::check_utf8("add_scalars", "main_tag", main_tag);
  std::string prefix = main_tag;
  std::replace(prefix.begin(), prefix.end(), '/', '_');
  const std::lock_guard lock(mutex_);
  for (const auto& [tag, scalar] : tag_scalar_dict) {
    const WireMessage value = WireMessage().real32(2, float(scalar));
    open_file(options_.log_dir() + "/" + prefix + "_" + tag)
        .append(tensorboard::summary_event(main_tag, value, global_step, walltime));
  }
}

void SummaryWriter::add_histogram(const std::string& tag, const Tensor& values, Step global_step,
                                  WallTime walltime) {
  tensorboard::check_utf8("add_histogram", "tag", tag);
  const WireMessage value = WireMessage().message(5, tensorboard::histogram(values));
  write(tensorboard::summary_event(tag, value, global_step, walltime));
}

void SummaryWriter::add_histogram_raw(const std::string& tag, double min, double max, double num,
                                      double sum, double sum_squares,
                                      const std::vector<double>& bucket_limits,
                                      const std::vector<double>& bucket_counts, Step global_step,
                                      WallTime walltime) {
  tensorboard::check_utf8("add_histogram_raw", "tag", tag);
  ENSURE(!bucket_limits.empty() && bucket_limits.size() == bucket_counts.size(),
         "add_histogram_raw: bucket_limits and bucket_counts must have one length above 0, got ",
         bucket_limits.size(), " and ", bucket_counts.size());
  const WireMessage value = WireMessage().message(
      5, tensorboard::histogram(min, max, num, sum, sum_squares, bucket_limits, bucket_counts));
  write(tensorboard::summary_event(tag, value, global_step, walltime));
}

void SummaryWriter::add_image(const std::string& tag, const Tensor& img_tensor, Step global_step,
                              WallTime walltime, const std::string& dataformats) {
  tensorboard::check_utf8("add_image", "tag", tag);
  const WireMessage value =
      WireMessage().message(4, tensorboard::image("add_image", img_tensor, dataformats));
  write(tensorboard::summary_event(tag, value, global_step, walltime));
}

void SummaryWriter::add_images(const std::string& tag, const Tensor& img_tensor, Step global_step,
                               WallTime walltime, const std::string& dataformats) {
  tensorboard::check_utf8("add_images", "tag", tag);
  const WireMessage value =
      WireMessage().message(4, tensorboard::image("add_images", img_tensor, dataformats));
  write(tensorboard::summary_event(tag, value, global_step, walltime));
}

void SummaryWriter::add_text(const std::string& tag, const std::string& text_string,
                             Step global_step, WallTime walltime) {
  tensorboard::check_utf8("add_text", "tag", tag);
  tensorboard::check_utf8("add_text", "text_string", text_string);
  write(tensorboard::summary_event(tag + "/text_summary", tensorboard::text(text_string),
                                   global_step, walltime));
}

void SummaryWriter::add_graph(const std::vector<GraphNode>& nodes) {
  write(tensorboard::event(nullopt, nullopt).message(4, tensorboard::graph(nodes)).bytes());
}

void SummaryWriter::add_hparams(const HParamDict& hparam_dict, const ScalarDict& metric_dict,
                                const std::string& run_name, Step global_step) {
  const std::vector<std::string> events =
      tensorboard::hparam_events(hparam_dict, metric_dict, global_step);
  char time_text[32];
  std::snprintf(time_text, sizeof time_text, "%.6f", tensorboard::now());
  SummaryWriter run(log_dir() + "/" + (run_name.empty() ? time_text : run_name));
  for (const std::string& event : events) run.write(event);
  for (const auto& [name, value] : metric_dict) run.add_scalar(name, value, global_step);
  run.close();
}

void SummaryWriter::flush() {
  const std::lock_guard lock(mutex_);
  for (auto& [folder, file] : files_) file->flush();
}

void SummaryWriter::close() {
  flush();
  const std::lock_guard lock(mutex_);
  files_.clear();
}

}  // namespace fg
