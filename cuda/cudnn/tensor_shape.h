// A tensor in cuDNN's terms. Knows nothing of cuDNN.
#pragma once

#include "tensor/array_ref.h"

namespace fg::cuda {

/// Extents, whatever their order in memory, and their strides in elements.
struct TensorShape {
  DimVector dims, strides;
};

}  // namespace fg::cuda
