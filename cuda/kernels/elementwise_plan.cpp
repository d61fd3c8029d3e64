#include "cuda/kernels/elementwise_plan.h"

#include <limits>

#include "cuda/vector.cuh"
#include "tensor/shape.h"

namespace fg::cuda {
namespace {

// IterationSpace takes null for a constant.
std::array<const Tensor*, IterationSpace::kMaxOperands> without_constants(
    std::span<const Tensor* const> operands) {
  std::array<const Tensor*, IterationSpace::kMaxOperands> result{};
  for (size_t k = 0; k < operands.size(); ++k) {
    const Tensor& t = *operands[k];
    ENSURE(t.is_cuda() || (k > 0 && t.numel() == 1), "elementwise: operand ", k, " must be on ",
           operands[0]->device(), " or have one element, got shape ", t.sizes(), " on ",
           t.device());
    result[k] = t.is_cuda() ? &t : nullptr;
  }
  return result;
}

}  // namespace

ElementwisePlan::ElementwisePlan(std::span<const Tensor* const> operands)
    : space(std::span(without_constants(operands).data(), operands.size())),
      count(operands.size()) {
  ENSURE(space.sizes.size() <= kMaxDims, "elementwise: at most ", kMaxDims,
         " dims that do not merge, got ", space.sizes.size());
  for (size_t k = 0; k < count; ++k) {
    constant[k] = !operands[k]->is_cuda();
    types[k] = operands[k]->dtype();
    if (!constant[k]) data[k] = operands[k]->data_ptr();
  }
}

bool ElementwisePlan::all_are(ScalarType type) const {
  for (size_t k = 0; k < count; ++k)
    if (!constant[k] && types[k] != type) return false;
  return true;
}

bool ElementwisePlan::fits_packs(std::span<const ScalarType> wanted, int64_t width) const {
  const size_t rank = space.sizes.size();
  if (rank > 1 && space.sizes.back() % width != 0) return false;
  for (size_t k = 0; k < count; ++k) {
    if (constant[k]) continue;
    if (types[k] != wanted[k]) return false;
    const DimVector& strides = space.strides[k];
    for (const int64_t stride : strides)
      if (stride * width * element_size(types[k]) > std::numeric_limits<uint32_t>::max())
        return false;
    if (strides.back() == 0 && k > 0) continue;
    if (strides.back() != 1 || !is_aligned(data[k], width * element_size(types[k]))) return false;
    for (size_t d = 0; d + 1 < rank; ++d)
      if (strides[d] % width != 0) return false;
  }
  return true;
}

std::vector<Tensor> half_of(std::span<const Tensor* const> operands, bool second) {
  const Tensor& out = *operands[0];
  int64_t dim = 0;
  for (int64_t d = 1; d < out.dim(); ++d)
    if (out.size(d) > out.size(dim)) dim = d;
  const int64_t cut = out.size(dim) / 2;
  DimVector sizes(out.sizes().begin(), out.sizes().end());
  sizes[size_t(dim)] = second ? out.size(dim) - cut : cut;
  std::vector<Tensor> result;
  for (const Tensor* t : operands) {
    if (!t->is_cuda()) {
      result.push_back(*t);
      continue;
    }
    const DimVector strides = broadcast_strides(*t, out.sizes());
    const int64_t offset = t->storage_offset() + (second ? cut * strides[size_t(dim)] : 0);
    result.emplace_back(
        make_intrusive<TensorImpl>(t->storage(), sizes, strides, offset, t->dtype()));
  }
  return result;
}

}  // namespace fg::cuda
