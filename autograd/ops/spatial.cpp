#include "autograd/ops/spatial.h"

#include "autograd/grad_mode.h"

namespace fg::detail {

Extents spatial_argument(IntArrayRef values, int64_t rank, int64_t lead, int64_t min,
                         const char* name, const char* op) {
  ENSURE(values.size() == 1 || int64_t(values.size()) == rank, op, ": ", name,
         rank == 1 ? " must have 1 value, got " : str(" must have 1 or ", rank, " values, got "),
         values);
  Extents result = {lead, lead, lead};
  for (int64_t d = 0; d < rank; ++d) {
    const int64_t value = values[values.size() == 1 ? 0 : size_t(d)];
    ENSURE(value >= min, op, ": ", name, " must be at least ", min, ", got ", values);
    result[size_t(3 - rank + d)] = value;
  }
  return result;
}

Extents spatial_extents(IntArrayRef sizes, int64_t rank) {
  Extents result = {1, 1, 1};
  std::copy(sizes.end() - rank, sizes.end(), result.end() - rank);
  return result;
}

DimVector spatial_part(const Extents& extents, int64_t rank) {
  return DimVector(extents.end() - rank, extents.end());
}

DimVector spatial_sizes(std::initializer_list<int64_t> leading, const Extents& extents,
                        int64_t rank) {
  DimVector sizes(leading);
  for (int64_t value : spatial_part(extents, rank)) sizes.push_back(value);
  return sizes;
}

DimVector spatial_sizes_like(const Tensor& like, const Extents& extents, int64_t rank) {
  DimVector sizes(like.sizes().begin(), like.sizes().end() - rank);
  for (int64_t value : spatial_part(extents, rank)) sizes.push_back(value);
  return sizes;
}

void check_spatial_input(const Tensor& input, int64_t rank, const char* op) {
  ENSURE(input.dim() == rank + 1 || input.dim() == rank + 2, op, ": input must have ", rank + 1,
         " (unbatched) or ", rank + 2, " dims, got shape ", input.sizes());
  for (int64_t d = input.dim() - rank - 1; d < input.dim(); ++d)
    ENSURE(input.size(d) > 0, op, ": only the batch of input may be empty, got shape ",
           input.sizes());
}

void check_floating(const Tensor& input, const char* op) {
  ENSURE(input.is_floating_point(), op, ": input must have a floating dtype, got ", input.dtype());
}

Tensor dense(const Tensor& t, MemoryFormat format) {
  if (!t.defined()) return t;
  NoGradGuard no_grad;
  return t.contiguous(format);
}

}  // namespace fg::detail
