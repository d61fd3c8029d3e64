// Padding in its functional form.
#pragma once

#include "nn/options/padding.h"
#include "tensor/tensor.h"

namespace fg::nn::functional {

/// `pad` lists [begin, end] of the last dim first; negative values crop. Modes other than kConstant
/// take the last 1, 2 or 3 dims of an input with one or two dims in front of them.
Tensor pad(const Tensor& input, const PadFuncOptions& options);

}  // namespace fg::nn::functional
