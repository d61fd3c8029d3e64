// pin_memory: a batch in page-locked memory, so that its copy to the GPU need not block.
#pragma once

#include <vector>

#include "data/example.h"

namespace fg::data {

/// The batch with its tensors pinned; what is neither a tensor, an example nor a vector of those stays as it
/// is. Throws when no GPU can be used.
template <class Batch>
Batch pin_memory(Batch batch) {
  if constexpr (std::is_same_v<Batch, Tensor>) return batch.pin_memory();
  return batch;
}
template <class Data, class Target>
Example<Data, Target> pin_memory(Example<Data, Target> batch) {
  batch.data = pin_memory(std::move(batch.data));
  if constexpr (!std::is_void_v<Target>) batch.target = pin_memory(std::move(batch.target));
  return batch;
}
template <class T>
std::vector<T> pin_memory(std::vector<T> batch) {
  for (size_t i = 0; i < batch.size(); ++i) batch[i] = pin_memory(T(batch[i]));
  return batch;
}

}  // namespace fg::data
