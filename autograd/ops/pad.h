// Padding of the last dims.
#pragma once

#include <string_view>

#include "tensor/tensor.h"

namespace fg {

/// Pads (or crops, where negative) with `value`. `pad` lists [begin, end] pairs from the last dim
/// backward; dims it does not reach stay. Any dtype; differentiable. Errors: an odd or too long
/// list, a crop that leaves less than nothing.
Tensor constant_pad_nd(const Tensor& input, IntArrayRef pad, const Scalar& value = 0);

/// PyTorch's F.pad. `mode` is "constant", or "reflect", "replicate" or "circular": these take pairs
/// for the last 1, 2 or 3 dims of an input with one or two dims in front of them. Differentiable in
/// floating dtypes. Errors as above, and: reflection must stay below the extent, circular padding
/// may not exceed it.
Tensor pad(const Tensor& input, IntArrayRef pad, std::string_view mode = "constant",
           const Scalar& value = 0);

// pad in one mode, for the last 1, 2 or 3 dims: two, four or six numbers.
#define X(dims)                                                                      \
  inline Tensor reflection_pad##dims##d(const Tensor& input, IntArrayRef padding) {  \
    return pad(input, padding, "reflect");                                           \
  }                                                                                  \
  inline Tensor replication_pad##dims##d(const Tensor& input, IntArrayRef padding) { \
    return pad(input, padding, "replicate");                                         \
  }
X(1) X(2) X(3)
#undef X

}  // namespace fg
