// StateDict: what an object needs to go on later, as named tensors.
#pragma once

#include "tensor/ordered_dict.h"
#include "tensor/tensor.h"

namespace fg {

/// Names in PyTorch's spelling ("layer1.weight") and their tensors; numbers are 0-dim tensors.
/// Modules, optimizers, schedulers, samplers and loaders give one with state_dict() and take it back
/// with load_state_dict().
using StateDict = OrderedDict<std::string, Tensor>;

}  // namespace fg
