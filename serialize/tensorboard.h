// SummaryWriter: event files that TensorBoard shows, with the names of PyTorch's
// torch.utils.tensorboard.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "serialize/event_file.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg {

struct SummaryWriterOptions {
  SummaryWriterOptions(std::string log_dir = "") : log_dir_(std::move(log_dir)) {}
  SummaryWriterOptions(const char* log_dir) : log_dir_(log_dir) {}
  /// Where the event file goes; made if missing. Empty: `runs/<date and time>_<host><comment>`.
  FUSEGRAD_ARG(std::string, log_dir);
  FUSEGRAD_ARG(std::string, comment);
  /// For a run that goes on in the folder of one that was stopped: hides what that one wrote from this
  /// step on.
  FUSEGRAD_ARG(optional<int64_t>, purge_step) = nullopt;
  /// How many records may wait, and how many seconds, before an add_ call writes them.
  FUSEGRAD_ARG(int64_t, max_queue) = 10;
  FUSEGRAD_ARG(double, flush_secs) = 120;
  FUSEGRAD_ARG(std::string, filename_suffix);
};

/// Names and numbers, in order.
using ScalarDict = std::vector<std::pair<std::string, double>>;

/// The value of a hyperparameter.
struct HParam {
  HParam(bool value) : value(value) {}
  HParam(std::string value) : value(std::move(value)) {}
  HParam(const char* value) : value(std::string(value)) {}
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) HParam(T value)
      : value(double(value)) {}
  std::variant<bool, double, std::string> value;
};
using HParamDict = std::vector<std::pair<std::string, HParam>>;

/// One box of a graph. Names are unique; the parts between slashes become nested boxes.
struct GraphNode {
  std::string name, op;
  std::vector<std::string> inputs;  // names of other nodes; "name:1" is the second output of one
  std::vector<DimVector> output_shapes;
  std::vector<std::pair<std::string, std::string>> attributes;  // shown beside the graph
};

/// Writes one event file, and those of add_scalars and add_hparams in folders below. Every add_ call takes
/// the step and the time in seconds since 1970 (default: now). Records are buffered, see
/// SummaryWriterOptions, and appended whole, so that TensorBoard can read along and a crash leaves a file
/// that is whole. Safe to share between threads. Throws fg::Error when the folder cannot be written to,
/// for arguments that cannot be shown, and for text that is not UTF-8, which would make the file
/// unreadable.
///
///     SummaryWriter writer("runs/first");
///     writer.add_scalar("loss/train", loss.item<double>(), step);
class SummaryWriter {
 public:
  explicit SummaryWriter(SummaryWriterOptions options = {});
  ~SummaryWriter();
  SummaryWriter(const SummaryWriter&) = delete;
  SummaryWriter& operator=(const SummaryWriter&) = delete;

  using Step = optional<int64_t>;
  using WallTime = optional<double>;

  /// Kept as a float, NaN and infinities included.
  void add_scalar(const std::string& tag, double scalar_value, Step global_step = nullopt,
                  WallTime walltime = nullopt);
  /// `scalar_value` has one element.
  void add_scalar(const std::string& tag, const Tensor& scalar_value, Step global_step = nullopt,
                  WallTime walltime = nullopt);
  /// Curves in one chart: each is a run of its own in a folder below log_dir.
  void add_scalars(const std::string& main_tag, const ScalarDict& tag_scalar_dict,
                   Step global_step = nullopt, WallTime walltime = nullopt);

  /// Counts the elements of `values`, of any real dtype, in PyTorch's default bins ("tensorflow": 0 and
  /// powers of 1.1 from 1e-12 to 1e20, of both signs). Elements that are not finite are left out, unlike in
  /// PyTorch, whose histogram of a NaN TensorBoard cannot draw. Throws when nothing is left.
  void add_histogram(const std::string& tag, const Tensor& values, Step global_step = nullopt,
                     WallTime walltime = nullopt);
  /// A histogram that was counted elsewhere; bucket i ends at bucket_limits[i], which rise.
  void add_histogram_raw(const std::string& tag, double min, double max, double num, double sum,
                         double sum_squares, const std::vector<double>& bucket_limits,
                         const std::vector<double>& bucket_counts, Step global_step = nullopt,
                         WallTime walltime = nullopt);

  /// An image: Byte values, or others in [0, 1] (clamped; NaN is black). `dataformats` names the dims in
  /// any order: "CHW" with 1, 3 or 4 channels, "HW", or "NCHW" for a grid of images, eight in a row.
  void add_image(const std::string& tag, const Tensor& img_tensor, Step global_step = nullopt,
                 WallTime walltime = nullopt, const std::string& dataformats = "CHW");
  void add_images(const std::string& tag, const Tensor& img_tensor, Step global_step = nullopt,
                  WallTime walltime = nullopt, const std::string& dataformats = "NCHW");

  /// Markdown.
  void add_text(const std::string& tag, const std::string& text_string, Step global_step = nullopt,
                WallTime walltime = nullopt);

  /// The model's ops, by module: what trace_graph (nn/model_graph.h) sees when the model runs on `inputs`.
  template <class Model, class... Inputs>
  requires(!std::is_same_v<std::remove_cvref_t<Model>, std::vector<GraphNode>>) void add_graph(
      Model&& model, const Inputs&... inputs) {
    add_graph(trace_graph(model, inputs...));
  }
  void add_graph(const std::vector<GraphNode>& nodes);

  /// One run's hyperparameters and what came of them; `run_name` is its folder below log_dir (default: the
  /// time). PyTorch's hparam_domain_discrete is not there.
  void add_hparams(const HParamDict& hparam_dict, const ScalarDict& metric_dict,
                   const std::string& run_name = "", Step global_step = nullopt);

  /// Hands what waits to the system.
  void flush();
  /// Flushes and closes. A later add_ call begins another file in the same folder.
  void close();
  const std::string& get_logdir() const { return options_.log_dir(); }
  const std::string& log_dir() const { return options_.log_dir(); }

 private:
  EventFile& file();
  EventFile& open_file(const std::string& folder);
  void write(const std::string& event);

  SummaryWriterOptions options_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<EventFile>> files_;  // by folder
};

}  // namespace fg
