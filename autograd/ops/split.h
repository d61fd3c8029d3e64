// Splitting into a given number of pieces, or at given positions; each piece is a view.
#pragma once

#include "tensor/tensor.h"

namespace fg {

/// Exactly `sections` pieces, the first of which are longer by one where they cannot be equal; or the
/// pieces between the given indices.
std::vector<Tensor> tensor_split(const Tensor& self, int64_t sections, int64_t dim = 0);
std::vector<Tensor> tensor_split(const Tensor& self, IntArrayRef indices, int64_t dim = 0);
/// The same along dim 1 (0 for 1-d), 0 or 2; sections must divide the extent.
std::vector<Tensor> hsplit(const Tensor& self, int64_t sections);
std::vector<Tensor> hsplit(const Tensor& self, IntArrayRef indices);
std::vector<Tensor> vsplit(const Tensor& self, int64_t sections);
std::vector<Tensor> vsplit(const Tensor& self, IntArrayRef indices);
std::vector<Tensor> dsplit(const Tensor& self, int64_t sections);
std::vector<Tensor> dsplit(const Tensor& self, IntArrayRef indices);

}  // namespace fg
