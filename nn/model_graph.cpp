#include "nn/model_graph.h"

#include <map>

#include "autograd/graph_dot.h"

namespace fg::nn {
namespace {

std::string slashes(std::string path) {
  std::replace(path.begin(), path.end(), '.', '/');
  return path;
}

/// Names of TensorBoard's boxes, which are nested at slashes.
class BoxNames {
 public:
  explicit BoxNames(const Module& model)
      : root_scope_(model.scope_name()), root_(detail::layer_type(model)) {}

  std::string of_parameter(const std::string& path) { return root_ + "/" + slashes(path); }
  std::string of(const TapeNode& node) {
    if (node.is_leaf) return unique(node.leaf_name.empty() ? "leaf" : node.leaf_name);
    std::string scope;
    if (node.module.starts_with(root_scope_))
      scope = root_ + slashes(node.module.substr(root_scope_.size())) + "/";
    return unique(scope + forward_op(node));
  }
  static std::string forward_op(const TapeNode& node) {
    if (node.is_leaf) return "Leaf";
    const size_t end = node.op.rfind("Backward");
    return end == std::string::npos || end == 0 ? node.op : node.op.substr(0, end);
  }

 private:
  std::string unique(const std::string& name) {
    const int count = uses_[name]++;
    return count == 0 ? name : name + "_" + std::to_string(count);
  }

  const std::string root_scope_, root_;
  std::map<std::string, int> uses_;
};

}  // namespace

void detail::detach_inputs(std::vector<Tensor>& inputs) {
  for (Tensor& input : inputs) {
    input = input.detach();
    if (input.is_floating_point()) input.requires_grad_(true);
  }
}

std::vector<GraphNode> detail::graph_nodes(const Module& model, const std::vector<Tensor>& inputs,
                                           const std::vector<Tensor>& outputs) {
  ENSURE(std::any_of(outputs.begin(), outputs.end(),
                     [](const Tensor& output) { return output.requires_grad(); }),
         "trace_graph: the result of ", model.name(),
         " must hold a tensor that requires grad, got ", outputs.size(), " tensors");
  BoxNames names(model);
  OrderedDict<std::string, Tensor> leaves;
  for (const auto& item : model.named_parameters())
    leaves.insert(names.of_parameter(item.key()), item.value());
  for (size_t i = 0; i < inputs.size(); ++i) leaves.insert("input/" + std::to_string(i), inputs[i]);
  const TapeGraph tape = tape_graph(outputs, leaves);
  std::vector<GraphNode> nodes;
  for (const TapeNode& tape_node : tape.nodes) {
    GraphNode node{names.of(tape_node), BoxNames::forward_op(tape_node), {}, {}, {}};
    for (const OutputInfo& output : tape_node.outputs) node.output_shapes.push_back(output.sizes);
    if (tape_node.is_fused) node.attributes.emplace_back("fused", "true");
    if (tape_node.saved_bytes > 0)
      node.attributes.emplace_back("saved for backward", bytes_text(tape_node.saved_bytes));
    nodes.push_back(std::move(node));
  }
  const auto source = [&](const TapeEdge& edge) {
    const std::string& name = nodes[edge.from].name;
    return edge.output_nr == 0 ? name : name + ":" + std::to_string(edge.output_nr);
  };
  for (size_t i = 0; i < tape.nodes.size(); ++i)
    for (const TapeEdge& edge : tape.nodes[i].inputs) nodes[i].inputs.push_back(source(edge));
  for (size_t i = 0; i < tape.roots.size(); ++i)
    nodes.push_back({"output/" + std::to_string(i), "Result", {source(tape.roots[i])}, {}, {}});
  return nodes;
}

}  // namespace fg::nn
