#include "tensor/tensor.h"

#include "tensor/factories.h"
#include "tensor/inference_flag.h"
#include "tensor/kernels/capture.h"
#include "tensor/on_device.h"
#include "tensor/shape.h"

namespace fg {

TensorImpl::TensorImpl(Storage memory, DimVector new_sizes, DimVector new_strides,
                       int64_t new_offset, ScalarType type)
    : storage(std::move(memory)), dtype(type), inference(detail::inference_mode), version(storage) {
  set_geometry(std::move(new_sizes), std::move(new_strides), new_offset);
}

void TensorImpl::set_geometry(DimVector new_sizes, DimVector new_strides, int64_t new_offset) {
  sizes = std::move(new_sizes);
  strides = std::move(new_strides);
  offset = new_offset;
  numel = numel_of(sizes);
  contiguous = is_contiguous(sizes, strides);
}

Tensor& Tensor::operator=(const Tensor& other) && { return copy_(other); }
Tensor& Tensor::operator=(const Scalar& value) && { return fill_(value); }

int64_t Tensor::size(int64_t dim) const {
  return sizes()[size_t(wrap_dim(dim, this->dim(), "size"))];
}
int64_t Tensor::stride(int64_t dim) const {
  return strides()[size_t(wrap_dim(dim, this->dim(), "stride"))];
}

bool Tensor::is_contiguous(MemoryFormat format) const {
  switch (format) {
    case MemoryFormat::ChannelsLast:
    case MemoryFormat::ChannelsLast3d: {
      if (dim() != (format == MemoryFormat::ChannelsLast ? 4 : 5)) return false;
      const DimVector order = dim() == 4 ? DimVector{0, 2, 3, 1} : DimVector{0, 2, 3, 4, 1};
      DimVector permuted_sizes, permuted_strides;
      for (int64_t d : order) {
        permuted_sizes.push_back(size(d));
        permuted_strides.push_back(stride(d));
      }
      return fg::is_contiguous(permuted_sizes, permuted_strides);
    }
    default:
      return impl().contiguous;
  }
}

std::string Tensor::toString() const {
  return defined() ? str(is_cuda() ? "CUDA" : "CPU", dtype(), "Type") : "UndefinedType";
}

void* Tensor::data_ptr() const {
  char* base = static_cast<char*>(storage()->data());
  return base ? base + storage_offset() * element_size() : nullptr;
}

void Tensor::check_element_type(ScalarType type) const {
  ENSURE(type == dtype(), "data_ptr: element type must be ", dtype(), " (the tensor's dtype), got ",
         type);
}

Scalar Tensor::item() const {
  ENSURE(numel() == 1, "item: tensor must have 1 element, got ", numel(), " (shape ", sizes(), ")");
  if constexpr (kHasCuda) {
    if (is_cuda())
      cuda::refuse_in_capture("item", "the host would wait for its value", device().index());
  }
  const Tensor host = is_cpu() ? *this : cpu();
  return dispatch_all(dtype(), "item",
                      [&]<class T>() { return Scalar(*static_cast<const T*>(host.data_ptr())); });
}

Tensor Tensor::operator[](const Tensor& index) const {
  return this->index({indexing::TensorIndex(index)});
}

Tensor& Tensor::resize_(IntArrayRef size) const {
  ENSURE(!requires_grad(), "resize_: tensor must not require grad");
  for (int64_t extent : size)
    ENSURE(extent >= 0, "resize_: sizes must not be negative, got ", size);
  DimVector sizes(size.begin(), size.end());
  const int64_t needed = (storage_offset() + numel_of(size)) * element_size();
  storage()->grow(needed);
  impl().set_geometry(sizes, contiguous_strides(sizes), storage_offset());
  return const_cast<Tensor&>(*this);
}

namespace indexing {
TensorIndex::TensorIndex(const Tensor& tensor) : value_(tensor.impl_ptr()) {
  ENSURE(tensor.defined(), "TensorIndex: index tensor must be defined");
}
Tensor TensorIndex::tensor() const { return Tensor(std::get<intrusive_ptr<TensorImpl>>(value_)); }
}  // namespace indexing

}  // namespace fg
