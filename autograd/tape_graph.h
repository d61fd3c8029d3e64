// TapeGraph: the tape behind some tensors as plain data, for what draws or counts it.
#pragma once

#include <string>
#include <vector>

#include "autograd/node.h"
#include "tensor/ordered_dict.h"

namespace fg {

/// An input of a node: which node made it, and as which of its outputs.
struct TapeEdge {
  size_t from = 0;  // index in TapeGraph::nodes
  uint32_t output_nr = 0;
};

struct TapeNode {
  std::string op;         // the node's name, such as "LayerNormBackward"
  std::string module;     // path of the modules it ran in; known if it was recorded in anomaly mode
  std::string leaf_name;  // of a leaf that was given a name
  bool is_leaf = false;
  bool is_fused = false;  // an entry of fused_ops()
  std::vector<OutputInfo> outputs;
  std::vector<TapeEdge> inputs;  // those that need a gradient
  /// Bytes of the elements of all that the node keeps for its backward pass.
  int64_t saved_bytes = 0;
};

/// What lies behind some tensors, each node once.
struct TapeGraph {
  std::vector<TapeNode> nodes;
  std::vector<TapeEdge> roots;  // one for each of the tensors
  /// Memory that the tape keeps alive: storages of saved tensors, each once, without those of leaves.
  int64_t saved_bytes = 0;
};

/// The tape behind `outputs`, of which at least one must require a gradient; those that need none are
/// passed over. `names` gives leaves their names (named_parameters(), inputs). Follows chains of any
/// length without recursion. Nothing is changed, and nothing kept alive.
TapeGraph tape_graph(TensorList outputs, const OrderedDict<std::string, Tensor>& names = {});

}  // namespace fg
