#include "data/dataset.h"

#include "data/transforms.h"

namespace fg::data::datasets {

TensorDataset::TensorDataset(const std::vector<Tensor>& tensors)
    : tensor_(detail::stack("TensorDataset", "tensors", tensors)) {}

TensorBatches::TensorBatches(Tensor data, Tensor target)
    : all_(std::move(data), std::move(target)) {
  ENSURE(all_.data.dim() > 0 && all_.target.dim() > 0,
         "TensorBatches: data and target must have a batch dim, got shapes ", all_.data.sizes(),
         " and ", all_.target.sizes());
  ENSURE(all_.data.size(0) == all_.target.size(0),
         "TensorBatches: target must have as many rows as data, ", all_.data.size(0), ", got ",
         all_.target.size(0));
}

Example<> TensorBatches::get_batch(ArrayRef<size_t> indices) {
  static_assert(sizeof(size_t) == sizeof(int64_t));
  // Read only, and alive until index_select returns.
  const Tensor rows =
      from_blob(const_cast<size_t*>(indices.data()), {int64_t(indices.size())}, kLong);
  return {all_.data.index_select(0, rows),
          all_.target.index_select(0, rows.to(all_.target.device()))};
}

}  // namespace fg::data::datasets
