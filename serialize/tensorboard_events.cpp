#include "serialize/tensorboard_events.h"

#include <chrono>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include "serialize/image.h"
#include "serialize/png.h"

namespace fg::tensorboard {
namespace {

/// A Value's SummaryMetadata.
WireMessage plugin_metadata(const std::string& plugin, const WireMessage& content = {}) {
  return WireMessage().message(1, WireMessage().text(1, plugin).message(2, content));
}

/// PyTorch's default bins. Made by repeated products, as there, so that the limits are the same numbers.
const std::vector<double>& default_bins() {
  static const std::vector<double> bins = [] {
    std::vector<double> rising;
    for (double v = 1e-12; v < 1e20; v *= 1.1) rising.push_back(v);
    std::vector<double> all;
    for (auto v = rising.rbegin(); v != rising.rend(); ++v) all.push_back(-*v);
    all.push_back(0);
    all.insert(all.end(), rising.begin(), rising.end());
    return all;
  }();
  return bins;
}

/// How many of `values` lie in [bins[i], bins[i + 1]); the last bin has its upper end, too.
std::vector<double> counts_of(const std::vector<double>& values, const std::vector<double>& bins) {
  std::vector<double> counts(bins.size() - 1);
  for (const double value : values) {
    if (value < bins.front() || value > bins.back()) continue;
    const auto above = std::upper_bound(bins.begin(), bins.end(), value) - bins.begin();
    ++counts[std::min(size_t(above), counts.size()) - 1];
  }
  return counts;
}

WireMessage shape(IntArrayRef sizes) {
  WireMessage message;
  for (const int64_t size : sizes) message.message(2, WireMessage().integer(1, size));
  return message;
}

WireMessage node_def(const GraphNode& node) {
  WireMessage message;
  message.text(1, node.name).text(2, node.op);
  for (const std::string& input : node.inputs) message.text(3, input);
  WireMessage shapes;
  for (const DimVector& sizes : node.output_shapes) shapes.message(7, shape(sizes));
  const auto add_attribute = [&](const std::string& key, const WireMessage& value) {
    message.message(5, WireMessage().text(1, key).message(2, value));
  };
  add_attribute("_output_shapes", WireMessage().message(1, shapes));
  for (const auto& [key, value] : node.attributes) add_attribute(key, WireMessage().text(2, value));
  return message;
}

}  // namespace

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void check_utf8(const char* op, const char* argument, const std::string& text) {
  try {
    static_cast<void>(nlohmann::json(text).dump());
  } catch (const nlohmann::json::type_error&) {
    detail::fail(str(op, ": ", argument, " must be valid UTF-8"));
  }
}

WireMessage event(SummaryWriter::Step step, SummaryWriter::WallTime walltime) {
  WireMessage message;
  message.real(1, walltime.value_or(now()));
  if (step) message.integer(2, *step);
  return message;
}

std::string summary_event(const std::string& tag, const WireMessage& value,
                          SummaryWriter::Step step, SummaryWriter::WallTime walltime) {
  WireMessage tagged;
  tagged.text(1, tag).append(value);
  return event(step, walltime).message(5, WireMessage().message(1, tagged)).bytes();
}

WireMessage histogram(double min, double max, double num, double sum, double sum_squares,
                      const std::vector<double>& bucket_limits,
                      const std::vector<double>& bucket_counts) {
  WireMessage message;
  message.real(1, min).real(2, max).real(3, num).real(4, sum).real(5, sum_squares);
  return message.reals(6, bucket_limits).reals(7, bucket_counts);
}

WireMessage histogram(const Tensor& values) {
  ENSURE(values.defined() && values.numel() > 0, "add_histogram: values must not be empty, got ",
         values.defined() ? str("shape ", values.sizes()) : "an undefined tensor");
  const Tensor all = values.detach().cpu().to(kDouble).contiguous();
  std::vector<double> finite;
  for (const double value : ArrayRef<double>(all.data_ptr<double>(), size_t(all.numel())))
    if (std::isfinite(value)) finite.push_back(value);
  const std::vector<double>& bins = default_bins();
  std::vector<double> counts = counts_of(finite, bins);
  const auto is_used = [](double count) { return count > 0; };
  const auto first = std::find_if(counts.begin(), counts.end(), is_used);
  ENSURE(first != counts.end(),
         "add_histogram: values must hold a number between -1e20 and 1e20, got ", values.numel(),
         " others");
  const auto end = std::find_if(counts.rbegin(), counts.rend(), is_used).base();
  // An empty bucket in front tells TensorBoard where the first used one begins.
  std::vector<double> shown{0};
  shown.insert(shown.end(), first, end);
  const std::vector<double> limits(bins.begin() + (first - counts.begin()),
                                   bins.begin() + (end - counts.begin()) + 1);
  double sum = 0, sum_squares = 0;
  for (const double value : finite) sum += value, sum_squares += value * value;
  const auto [min, max] = std::minmax_element(finite.begin(), finite.end());
  return histogram(*min, *max, double(finite.size()), sum, sum_squares, limits, shown);
}

WireMessage image(const char* op, const Tensor& img_tensor, const std::string& dataformats) {
  const size_t rank = dataformats.size();
  const std::string wanted = rank == 4 ? "NCHW" : rank == 3 ? "HWC" : "HW";
  ENSURE(std::is_permutation(dataformats.begin(), dataformats.end(), wanted.begin(), wanted.end()),
         op, ": dataformats must be the letters of NCHW, CHW or HW in some order, got \"",
         dataformats, "\"");
  ENSURE(img_tensor.defined() && img_tensor.dim() == int64_t(rank) && img_tensor.numel() > 0, op,
         ": img_tensor must have ", rank, " dims that are not empty (", dataformats, "), got ",
         img_tensor.defined() ? str("shape ", img_tensor.sizes()) : "an undefined tensor");
  std::vector<int64_t> order;
  for (const char dim : wanted) order.push_back(int64_t(dataformats.find(dim)));
  Tensor picture = img_tensor.detach().permute(order);
  const int64_t channels = rank == 2 ? 1 : picture.size(rank == 4 ? 1 : 2);
  ENSURE(channels == 1 || channels == 3 || (channels == 4 && rank == 3), op,
         ": img_tensor must have 1 or 3 channels, or 4 in a single image, got shape ",
         img_tensor.sizes(), " (", dataformats, ")");
  if (rank == 2) picture = picture.unsqueeze(2);
  if (rank == 4) picture = make_grid(picture, MakeGridOptions().padding(0)).permute({1, 2, 0});
  if (picture.size(2) == 1) picture = picture.expand({-1, -1, 3});
  const std::string png = encode_png(fg::detail::image_bytes(picture, /*offset=*/0), op);
  WireMessage message;
  message.integer(1, picture.size(0)).integer(2, picture.size(1)).integer(3, picture.size(2));
  return message.text(4, png);
}

WireMessage text(const std::string& text) {
  constexpr int64_t kString = 7;
  const WireMessage tensor = WireMessage().integer(1, kString).message(2, shape({1})).text(8, text);
  return WireMessage().message(8, tensor).message(9, plugin_metadata("text"));
}

WireMessage graph(const std::vector<GraphNode>& nodes) {
  constexpr int64_t kProducer = 22;  // of graphs that name their ops as these do
  std::set<std::string> names;
  WireMessage message;
  for (const GraphNode& node : nodes) {
    for (const std::string* part : {&node.name, &node.op}) check_utf8("add_graph", "node", *part);
    ENSURE(!node.name.empty() && names.insert(node.name).second,
           "add_graph: names of nodes must be unique and not empty, got \"", node.name, "\" again");
    message.message(1, node_def(node));
  }
  return message.message(4, WireMessage().integer(1, kProducer));
}

std::vector<std::string> hparam_events(const HParamDict& hparams, const ScalarDict& metrics,
                                       SummaryWriter::Step step) {
  enum Type : int64_t { kStringType = 1, kBoolType = 2, kFloat64Type = 3 };
  constexpr int64_t kSuccess = 1;
  WireMessage experiment, start;
  for (const auto& [name, hparam] : hparams) {
    check_utf8("add_hparams", "hparam_dict", name);
    WireMessage value;
    Type type = kFloat64Type;
    if (const double* number = std::get_if<double>(&hparam.value)) {
      value.real(2, *number);
    } else if (const bool* flag = std::get_if<bool>(&hparam.value)) {
      value.integer(4, *flag);
      type = kBoolType;
    } else {
      check_utf8("add_hparams", "hparam_dict", std::get<std::string>(hparam.value));
      value.text(3, std::get<std::string>(hparam.value));
      type = kStringType;
    }
    experiment.message(4, WireMessage().text(1, name).integer(4, type));
    start.message(1, WireMessage().text(1, name).message(2, value));
  }
  for (const auto& item : metrics) {
    check_utf8("add_hparams", "metric_dict", item.first);
    const WireMessage name = WireMessage().text(2, item.first);
    experiment.message(5, WireMessage().message(1, name));
  }
  const auto plugin_event = [&](const char* tag, uint32_t field, const WireMessage& content) {
    const WireMessage metadata = plugin_metadata("hparams", WireMessage().message(field, content));
    return summary_event(tag, WireMessage().message(9, metadata), step, nullopt);
  };
  return {plugin_event("_hparams_/experiment", 2, experiment),
          plugin_event("_hparams_/session_start_info", 3, start),
          plugin_event("_hparams_/session_end_info", 4, WireMessage().integer(1, kSuccess))};
}

}  // namespace fg::tensorboard
