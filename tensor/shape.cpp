#include "tensor/shape.h"

#include <numeric>

namespace fg {

int64_t wrap_dim(int64_t dim, int64_t rank, const char* op) {
  const int64_t bound = std::max<int64_t>(rank, 1);
  if (dim < -bound || dim >= bound)
    detail::fail<IndexError>(
        str(op, ": dim must be in [", -bound, ", ", bound - 1, "], got ", dim));
  return dim < 0 ? dim + bound : dim;
}

DimVector wrap_dims(IntArrayRef dims, int64_t rank, const char* op) {
  DimVector result;
  if (dims.empty()) {
    for (int64_t d = 0; d < rank; ++d) result.push_back(d);
    return result;
  }
  for (int64_t dim : dims) {
    const int64_t wrapped = wrap_dim(dim, rank, op);
    ENSURE(std::find(result.begin(), result.end(), wrapped) == result.end(), op,
           ": each dim may appear once, got ", dims);
    result.push_back(wrapped);
  }
  return result;
}

int64_t numel_of(IntArrayRef sizes) {
  int64_t count = 1;
  for (int64_t size : sizes) {
    ENSURE(!__builtin_mul_overflow(count, size, &count), "sizes: ", sizes,
           " must hold fewer than 2^63 elements");
  }
  return count;
}

DimVector contiguous_strides(IntArrayRef sizes) {
  DimVector strides(sizes.size());
  int64_t step = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  }
  return strides;
}

DimVector channels_last_strides(IntArrayRef sizes) {
  ENSURE(sizes.size() == 4 || sizes.size() == 5,
         "channels_last: tensor must have 4 or 5 dims, got sizes ", sizes);
  DimVector strides(sizes.size());
  strides[1] = 1;
  int64_t step = std::max<int64_t>(sizes[1], 1);
  for (size_t d = sizes.size(); d-- > 2;) {
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  }
  strides[0] = step;
  return strides;
}

bool is_contiguous(IntArrayRef sizes, IntArrayRef strides) {
  int64_t expected = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] == 0) return true;
    if (sizes[d] == 1) continue;
    if (strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return true;
}

namespace {
// The dims of extent above 1, from the smallest stride to the largest.
DimVector dims_by_stride(const Tensor& tensor) {
  DimVector order;
  for (int64_t d = 0; d < tensor.dim(); ++d)
    if (tensor.size(d) != 1) order.push_back(d);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return tensor.stride(a) < tensor.stride(b); });
  return order;
}
}  // namespace

bool is_non_overlapping_and_dense(const Tensor& tensor) {
  if (tensor.is_contiguous()) return true;
  int64_t expected = 1;
  for (int64_t d : dims_by_stride(tensor)) {
    if (tensor.stride(d) != expected) return false;
    expected *= tensor.size(d);
  }
  return true;
}

bool has_internal_overlap(const Tensor& tensor) {
  if (tensor.numel() < 2 || tensor.is_contiguous()) return false;
  int64_t reach = 0;  // largest address offset that the dims seen so far can make
  for (int64_t d : dims_by_stride(tensor)) {
    if (tensor.stride(d) <= reach) return true;
    reach += tensor.stride(d) * (tensor.size(d) - 1);
  }
  return false;
}

DimVector broadcast_shapes(IntArrayRef a, IntArrayRef b, const char* op) {
  const IntArrayRef longer = a.size() >= b.size() ? a : b;
  const IntArrayRef shorter = a.size() >= b.size() ? b : a;
  DimVector result(longer.begin(), longer.end());
  const size_t lead = longer.size() - shorter.size();
  for (size_t d = 0; d < shorter.size(); ++d) {
    const int64_t x = longer[lead + d];
    const int64_t y = shorter[d];
    ENSURE(x == y || x == 1 || y == 1, op, ": shapes must be broadcastable, got ", a, " and ", b,
           " (sizes ", a[a.size() - shorter.size() + d], " and ", b[b.size() - shorter.size() + d],
           " differ at dim ", lead + d, ")");
    result[lead + d] = x == 1 ? y : x;
  }
  return result;
}

bool is_expandable_to(IntArrayRef shape, IntArrayRef desired) {
  if (shape.size() > desired.size()) return false;
  const size_t lead = desired.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] != desired[lead + d] && shape[d] != 1) return false;
  return true;
}

DimVector infer_size(IntArrayRef shape, int64_t numel, const char* op) {
  DimVector result(shape.begin(), shape.end());
  optional<size_t> inferred;
  int64_t known = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == -1) {
      ENSURE(!inferred, op, ": only one size may be -1, got ", shape);
      inferred = d;
    } else {
      ENSURE(shape[d] >= 0, op, ": sizes must not be negative, got ", shape);
      known *= shape[d];
    }
  }
  if (inferred) {
    ENSURE(known > 0 && numel % known == 0, op, ": shape ", shape, " must fit ", numel,
           " elements");
    result[*inferred] = numel / known;
  } else {
    ENSURE(known == numel, op, ": shape ", shape, " must hold ", numel, " elements, holds ", known);
  }
  return result;
}

optional<DimVector> view_strides(IntArrayRef sizes, IntArrayRef strides, IntArrayRef new_sizes) {
  const int64_t numel = numel_of(sizes);
  if (numel == 0) {
    if (sizes.equals(new_sizes)) return DimVector(strides.begin(), strides.end());
    return contiguous_strides(new_sizes);
  }
  DimVector result(new_sizes.size());
  int64_t view_d = int64_t(new_sizes.size()) - 1;
  // Walk runs of old dims that lie contiguously in memory; each must be cut exactly by new dims.
  int64_t base_stride = sizes.empty() ? 1 : strides.back();
  int64_t run = 1;
  int64_t view_run = 1;
  for (int64_t d = int64_t(sizes.size()) - 1; d >= 0; --d) {
    run *= sizes[d];
    const bool run_ends = d == 0 || (sizes[d - 1] != 1 && strides[d - 1] != run * base_stride);
    if (!run_ends) continue;
    while (view_d >= 0 && (view_run < run || new_sizes[view_d] == 1)) {
      result[view_d] = view_run * base_stride;
      view_run *= new_sizes[view_d];
      --view_d;
    }
    if (view_run != run) return nullopt;
    if (d > 0) {
      base_stride = strides[d - 1];
      run = 1;
      view_run = 1;
    }
  }
  for (; view_d >= 0; --view_d) {
    if (new_sizes[view_d] != 1) return nullopt;
    result[view_d] = 1;
  }
  return result;
}

DimVector broadcast_strides(const Tensor& tensor, IntArrayRef sizes) {
  DimVector strides(sizes.size(), 0);
  const size_t lead = sizes.size() - size_t(tensor.dim());
  for (size_t d = lead; d < sizes.size(); ++d) {
    const int64_t source = int64_t(d - lead);
    strides[d] = tensor.size(source) == 1 ? 0 : tensor.stride(source);
  }
  return strides;
}

}  // namespace fg
