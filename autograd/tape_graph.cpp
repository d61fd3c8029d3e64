#include "autograd/tape_graph.h"

#include <unordered_map>
#include <unordered_set>

#include "autograd/fused/registry.h"
#include "autograd/record.h"

namespace fg {
namespace {

class Builder {
 public:
  explicit Builder(const OrderedDict<std::string, Tensor>& names) {
    for (const auto& item : names)
      if (item.value().defined()) names_.emplace(&item.value().impl(), item.key());
    for (const FusedOp& op : fused_ops()) fused_names_.insert(op.node_name);
  }

  TapeGraph build(const std::vector<Edge>& roots) {
    for (const Edge& root : roots) graph_.roots.push_back({index_of(*root.node), root.input_nr});
    // A node is described when it is reached; the list of the reached ones is the queue.
    for (size_t i = 0; i < reached_.size(); ++i) describe(i);
    for (const auto& [storage, bytes] : kept_)
      if (!leaf_storages_.contains(storage)) graph_.saved_bytes += bytes;
    return std::move(graph_);
  }

 private:
  size_t index_of(const Node& node) {
    const auto [entry, is_new] = indices_.try_emplace(&node, reached_.size());
    if (is_new) reached_.push_back(&node);
    return entry->second;
  }

  void describe(size_t index) {
    const Node& node = *reached_[index];
    TapeNode tape_node;
    tape_node.op = node.name();
    tape_node.module = node.forward_context;
    tape_node.is_fused = fused_names_.contains(tape_node.op);
    tape_node.outputs = node.outputs();
    if (const auto* leaf = dynamic_cast<const AccumulateGrad*>(&node))
      describe_leaf(tape_node, leaf->leaf());
    for (const Edge& edge : node.next_edges())
      if (edge.valid()) tape_node.inputs.push_back({index_of(*edge.node), edge.input_nr});
    for (const Tensor& saved : node.saved_tensors()) {
      tape_node.saved_bytes += saved.numel() * int64_t(saved.element_size());
      kept_.emplace(saved.storage().get(), saved.storage()->nbytes());
    }
    graph_.nodes.push_back(std::move(tape_node));
  }

  void describe_leaf(TapeNode& tape_node, const Tensor& leaf) {
    tape_node.is_leaf = true;
    if (!leaf.defined()) return;  // gone since
    leaf_storages_.insert(leaf.storage().get());
    const auto name = names_.find(&leaf.impl());
    if (name != names_.end()) tape_node.leaf_name = name->second;
  }

  std::unordered_map<const TensorImpl*, std::string> names_;
  std::unordered_set<std::string> fused_names_;
  std::unordered_map<const Node*, size_t> indices_;
  std::vector<const Node*> reached_;
  std::unordered_map<const StorageImpl*, int64_t> kept_;
  std::unordered_set<const StorageImpl*> leaf_storages_;
  TapeGraph graph_;
};

}  // namespace

TapeGraph tape_graph(TensorList outputs, const OrderedDict<std::string, Tensor>& names) {
  std::vector<Edge> roots;
  for (const Tensor& output : outputs)
    if (output.defined() && output.requires_grad()) roots.push_back(gradient_edge(output));
  ENSURE(!roots.empty(),
         "tape_graph: outputs must hold a tensor that requires grad, got none among ",
         outputs.size());
  return Builder(names).build(roots);
}

}  // namespace fg
