#include "autograd/graph_dot.h"

#include <cstdio>

namespace fg {
namespace {

/// For the inside of a DOT string.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string node_id(size_t index) { return "n" + std::to_string(index); }

std::string shape_text(const OutputInfo& info) {
  std::string text = str(IntArrayRef(info.sizes));
  if (info.dtype != kFloat) text += str(" ", info.dtype);
  return text;
}

/// What came out of a node as its output `output_nr`; nothing where the node does not say.
std::string shape_text(const TapeNode& node, uint32_t output_nr) {
  return output_nr < node.outputs.size() ? shape_text(node.outputs[output_nr]) : "";
}

void add_node(std::string& out, const TapeNode& node, size_t index) {
  std::string label, style;
  if (node.is_leaf) {
    label = escaped(node.leaf_name.empty() ? "leaf" : node.leaf_name) + "\\n" + shape_text(node, 0);
    style = "shape=box, style=\"rounded,filled\", fillcolor=\"#d7e8f7\"";
  } else {
    label = escaped(node.op);
    if (node.is_fused) label += "\\nfused";
    if (!node.module.empty()) label += "\\n" + escaped(node.module);
    if (node.saved_bytes > 0) label += "\\nsaves " + bytes_text(node.saved_bytes);
    style = node.is_fused ? "shape=box, style=filled, fillcolor=\"#f6c27a\", penwidth=2"
                          : "shape=box, style=filled, fillcolor=\"#eeeeee\"";
  }
  out += "  " + node_id(index) + " [label=\"" + label + "\", " + style + "];\n";
}

void add_edge(std::string& out, const TapeGraph& graph, const TapeEdge& from,
              const std::string& to) {
  const TapeNode& source = graph.nodes[from.from];
  out += "  " + node_id(from.from) + " -> " + to;
  // A leaf says its shape itself.
  const std::string shape = source.is_leaf ? "" : shape_text(source, from.output_nr);
  if (!shape.empty()) out += " [label=\"" + shape + "\"]";
  out += ";\n";
}

}  // namespace

std::string bytes_text(int64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = double(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s", value < 100 && unit > 0 ? 1 : 0, value, units[unit]);
  return text;
}

std::string make_dot(const TapeGraph& graph) {
  std::string out =
      "digraph tape {\n"
      "  graph [fontname=\"Helvetica,Arial,sans-serif\", labelloc=b, label=\"kept for the backward "
      "pass: " +
      bytes_text(graph.saved_bytes) +
      "\"];\n"
      "  node [fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, margin=\"0.12,0.05\"];\n"
      "  edge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=9, color=\"#555555\"];\n";
  for (size_t i = 0; i < graph.nodes.size(); ++i) add_node(out, graph.nodes[i], i);
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    for (const TapeEdge& input : graph.nodes[i].inputs) add_edge(out, graph, input, node_id(i));
  for (size_t i = 0; i < graph.roots.size(); ++i) {
    const TapeEdge& root = graph.roots[i];
    const std::string id = "out" + std::to_string(i);
    const std::string shape = shape_text(graph.nodes[root.from], root.output_nr);
    out += "  " + id + " [label=\"result\\n" + shape +
           "\", shape=box, style=\"rounded,filled\", fillcolor=\"#cdebc5\"];\n";
    out += "  " + node_id(root.from) + " -> " + id + ";\n";
  }
  return out + "}\n";
}

std::string make_dot(TensorList vars, const OrderedDict<std::string, Tensor>& params) {
  return make_dot(tape_graph(vars, params));
}

std::string make_dot(const Tensor& var, const OrderedDict<std::string, Tensor>& params) {
  return make_dot(TensorList(var), params);
}

}  // namespace fg
