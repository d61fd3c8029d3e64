// StateDict: what an object needs to go on later, as named tensors.
#pragma once

#include "tensor/ordered_dict.h"
#include "tensor/tensor.h"

namespace fg {

/// Names in PyTorch's spelling ("layer1.weight") and their tensors; numbers are 0-dim tensors.
/// Modules, optimizers, schedulers, samplers and loaders give one with state_dict() and take it back
/// with load_state_dict().
using StateDict = OrderedDict<std::string, Tensor>;

/// Puts every entry of `inner` into `dict` as "section.name".
inline void insert_section(StateDict& dict, const std::string& section, const StateDict& inner) {
  for (const auto& item : inner) dict.insert(section + "." + item.key(), item.value());
}

/// The entries of `dict` that insert_section put there, under their own names.
inline StateDict find_section(const StateDict& dict, const std::string& section) {
  StateDict inner;
  for (const auto& item : dict) {
    if (!item.key().starts_with(section + ".")) continue;
    inner.insert(item.key().substr(section.size() + 1), item.value());
  }
  return inner;
}

}  // namespace fg
