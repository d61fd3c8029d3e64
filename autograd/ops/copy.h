// Copies and conversions of dtype, device and layout. All are differentiable; the gradient converts
// back. PyTorch's arguments and defaults.
#pragma once

#include "autograd/node.h"

namespace fg {

/// A copy with its own storage; keeps the strides of a dense tensor unless `format` says otherwise.
Tensor clone(const Tensor& self, optional<MemoryFormat> format = nullopt);

}  // namespace fg
