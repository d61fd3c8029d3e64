#include "nn/summary.h"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace fg::nn {
namespace {

int64_t num_bytes(const Tensor& tensor) { return tensor.numel() * int64_t(tensor.element_size()); }

/// Of a text's characters, not of its bytes: the tree is drawn in UTF-8.
size_t width_of(const std::string& text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string padded(std::string text, size_t width) {
  return text.append(width - std::min(width, width_of(text)), ' ');
}

std::string title(const LayerSummary& layer) {
  std::string text;
  for (int64_t i = 1; i < layer.depth; ++i) text += "│    ";
  if (layer.depth > 0) text += layer.depth == 1 ? "├─" : "└─";
  text += layer.type;
  if (!layer.name.empty()) text += str(" (", layer.name, ")");
  if (layer.depth > 0) text += str(": ", layer.depth, "-", layer.index);
  return text;
}

std::string params_text(const LayerSummary& layer) {
  if (layer.is_repeated) return "(recursive)";
  if (layer.num_params == 0) return "--";
  const std::string count = detail::grouped(layer.num_params);
  return layer.num_trainable == 0 ? str("(", count, ")") : count;
}

void print_megabytes(std::ostream& out, const char* what, int64_t bytes) {
  constexpr double kMegabyte = 1e6;
  out << what << " (MB): " << std::fixed << std::setprecision(2) << double(bytes) / kMegabyte
      << '\n';
}

}  // namespace

std::string detail::grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const int64_t first = number < 0 ? 1 : 0;
  for (int64_t at = int64_t(digits.size()) - 3; at > first; at -= 3)
    digits.insert(size_t(at), 1, ',');
  return digits;
}

detail::CallRecorder::CallRecorder(Module& model) : model_(model) {
  model.apply([this](Module& module) {
    const auto [entry, is_new] = calls_.try_emplace(&module);
    if (!is_new) return;
    Calls& calls = entry->second;
    calls.hook = module.register_forward_hook(
        [&calls](Module&, const std::vector<Tensor>&, const std::vector<Tensor>& outputs) {
          const bool is_first = calls.first_shapes.empty();
          for (const Tensor& output : outputs) {
            if (is_first)
              calls.first_shapes.emplace_back(output.sizes().begin(), output.sizes().end());
            calls.bytes += num_bytes(output);
          }
        });
  });
}

detail::CallRecorder::~CallRecorder() {
  model_.apply([this](Module& module) {
    const auto entry = calls_.find(&module);
    if (entry == calls_.end()) return;
    module.remove_hook(entry->second.hook);
    calls_.erase(entry);
  });
}

void detail::CallRecorder::add_rows(ModelSummary& summary, const Module& module,
                                    const std::string& name, int64_t depth,
                                    std::set<const void*>& seen,
                                    std::vector<int64_t>& counts) const {
  counts.resize(std::max(counts.size(), size_t(depth) + 1));
  LayerSummary row;
  row.type = layer_type(module);
  row.name = name;
  row.depth = depth;
  row.index = ++counts[size_t(depth)];
  row.is_repeated = !seen.insert(&module).second;
  const auto calls = calls_.find(&module);
  if (calls != calls_.end()) row.output_shapes = calls->second.first_shapes;
  for (const Tensor& parameter : module.parameters(/*recurse=*/false)) {
    row.num_params += parameter.numel();
    if (parameter.requires_grad()) row.num_trainable += parameter.numel();
  }
  if (!row.is_repeated && row.num_params > 0 && module.children().empty() && calls != calls_.end())
    summary.pass_bytes += 2 * calls->second.bytes;
  const bool is_repeated = row.is_repeated;
  summary.layers.push_back(std::move(row));
  if (is_repeated) return;
  for (const auto& child : module.named_children())
    add_rows(summary, *child.value(), child.key(), depth + 1, seen, counts);
}

ModelSummary detail::CallRecorder::summary(const std::vector<Tensor>& inputs) const {
  ModelSummary summary;
  for (const Tensor& input : inputs) summary.input_bytes += num_bytes(input);
  for (const Tensor& parameter : model_.parameters()) {
    summary.total_params += parameter.numel();
    if (parameter.requires_grad()) summary.trainable_params += parameter.numel();
    summary.param_bytes += num_bytes(parameter);
  }
  std::set<const void*> seen;
  std::vector<int64_t> counts;
  add_rows(summary, model_, "", 0, seen, counts);
  return summary;
}

std::ostream& operator<<(std::ostream& out, const ModelSummary& summary) {
  const std::string heading = "Layer (type (var_name):depth-idx)";
  size_t name_width = heading.size(), shape_width = 20;
  std::vector<std::string> shapes;
  for (const LayerSummary& layer : summary.layers) {
    shapes.push_back(layer.output_shapes.empty() ? "--" : str(IntArrayRef(layer.output_shapes[0])));
    name_width = std::max(name_width, width_of(title(layer)));
    shape_width = std::max(shape_width, shapes.back().size());
  }
  name_width += 5, shape_width += 5;
  constexpr size_t kParamsWidth = 15;
  std::string rule(name_width + shape_width + kParamsWidth, '=');
  rule += '\n';
  std::ostringstream text;
  text << rule << padded(heading, name_width) << padded("Output Shape", shape_width) << "Param #\n"
       << rule;
  for (size_t i = 0; i < shapes.size(); ++i)
    text << padded(title(summary.layers[i]), name_width) << padded(shapes[i], shape_width)
         << params_text(summary.layers[i]) << '\n';
  text << rule << "Total params: " << detail::grouped(summary.total_params)
       << "\nTrainable params: " << detail::grouped(summary.trainable_params)
       << "\nNon-trainable params: "
       << detail::grouped(summary.total_params - summary.trainable_params) << '\n'
       << rule;
  print_megabytes(text, "Input size", summary.input_bytes);
  print_megabytes(text, "Forward/backward pass size", summary.pass_bytes);
  print_megabytes(text, "Params size", summary.param_bytes);
  print_megabytes(text, "Estimated Total Size",
                  summary.input_bytes + summary.pass_bytes + summary.param_bytes);
  return out << text.str() << rule;
}

}  // namespace fg::nn
