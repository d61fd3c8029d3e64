// How each op of the `ops` fixtures is called here: PyTorch's name to a function of the case's
// tensors and keyword arguments.
#pragma once

#include "tests/fixture.h"

namespace fg::test {

using Tensors = std::vector<Tensor>;
using OpFunction = std::function<Tensors(const Tensors&, const Arguments&)>;
using OpTable = std::map<std::string, OpFunction>;

void add_elementwise_ops(OpTable& table);
void add_reductions(OpTable& table);
void add_linear_algebra(OpTable& table);
void add_shape_ops(OpTable& table);
void add_indexing_ops(OpTable& table);
void add_vision_ops(OpTable& table);
void add_rare_ops(OpTable& table);

/// All of them.
inline OpTable make_op_table() {
  OpTable table;
  add_elementwise_ops(table);
  add_reductions(table);
  add_linear_algebra(table);
  add_shape_ops(table);
  add_indexing_ops(table);
  add_vision_ops(table);
  add_rare_ops(table);
  return table;
}

/// The result of a function that gives two tensors.
inline Tensors both(const std::tuple<Tensor, Tensor>& pair) {
  return {std::get<0>(pair), std::get<1>(pair)};
}

}  // namespace fg::test
