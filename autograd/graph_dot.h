// The tape as a picture: text in graphviz's DOT language.
#pragma once

#include "autograd/tape_graph.h"

namespace fg {

/// The tape behind `var`: leaves (rounded, with their names from `params`, such as
/// model->named_parameters()), ops, fused ops (filled and marked "fused"), the result. Edges carry the
/// shapes of what flows along them, nodes the bytes that they save for the backward pass and, if they
/// were recorded in anomaly mode, the module they ran in. Equal tapes give equal text.
///
///     std::ofstream("tape.dot") << make_dot(loss, model->named_parameters());   // dot -Tsvg tape.dot
///
/// The name is that of Python's torchviz. save_dot (serialize/graphviz.h) writes files and SVG.
std::string make_dot(const Tensor& var, const OrderedDict<std::string, Tensor>& params = {});
/// Of several results, or of a graph that tape_graph() gave.
std::string make_dot(TensorList vars, const OrderedDict<std::string, Tensor>& params = {});
std::string make_dot(const TapeGraph& graph);

/// "1.5 MiB", "312 B".
std::string bytes_text(int64_t bytes);

}  // namespace fg
