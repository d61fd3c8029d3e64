#include "tensor/tensor_data.h"

namespace fg::detail {

TensorDataContainer::TensorDataContainer(std::initializer_list<TensorDataContainer> items)
    : sizes_{int64_t(items.size())} {
  if (items.size() == 0) return;
  const TensorDataContainer& first = *items.begin();
  type_ = first.type_;
  for (int64_t size : first.sizes_) sizes_.push_back(size);
  for (const TensorDataContainer& item : items) {
    ENSURE(item.sizes_ == first.sizes_, "tensor: all sub-lists must have sizes ", first.sizes_,
           " (e.g. ", first.values_.size(), " values), got ", item.sizes_);
    ENSURE(item.type_ == first.type_, "tensor: all values must have type ", first.type_, ", got ",
           item.type_);
    values_.insert(values_.end(), item.values_.begin(), item.values_.end());
  }
}

}  // namespace fg::detail
