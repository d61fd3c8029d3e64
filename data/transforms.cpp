#include "data/transforms.h"

namespace fg::data::datasets::detail {

Tensor stack(const char* op, const char* name, ArrayRef<Tensor> tensors) {
  ENSURE(!tensors.empty(), op, ": ", name, " must hold at least one example");
  const Tensor& first = tensors[0];
  for (size_t i = 1; i < tensors.size(); ++i) {
    ENSURE(tensors[i].sizes() == first.sizes() && tensors[i].dtype() == first.dtype(), op, ": ",
           name, " of example ", i, " must be ", first.dtype(), ' ', first.sizes(),
           " as that of example 0, got ", tensors[i].dtype(), ' ', tensors[i].sizes());
  }
  DimVector sizes(first.sizes().begin(), first.sizes().end());
  sizes.insert(0, int64_t(tensors.size()));
  const Tensor result = empty(sizes, first.options());
  for (size_t i = 0; i < tensors.size(); ++i) result[int64_t(i)].copy_(tensors[i]);
  return result;
}

}  // namespace fg::data::datasets::detail
