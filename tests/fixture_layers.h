// How each module of the fixtures is made here: PyTorch's name and keyword arguments to a module.
#pragma once

#include "nn/module.h"
#include "tests/fixture_ops.h"

namespace fg::test {

struct Layer {
  std::shared_ptr<nn::Module> module;
  /// Calls the module on one to three tensors; gives one result, or two where it returns indices too.
  std::function<Tensors(const Tensors&)> forward;
};
/// `tensors`: constructor arguments that are tensors, such as a loss's class weights.
using LayerMaker = std::function<Layer(const Arguments&, const StateDict& tensors)>;
using LayerTable = std::map<std::string, LayerMaker>;

void add_spatial_layers(LayerTable& table);
void add_plain_layers(LayerTable& table);
void add_losses(LayerTable& table);
void add_recurrent_layers(LayerTable& table);

/// All of the above.
const LayerTable& layer_table();

}  // namespace fg::test
