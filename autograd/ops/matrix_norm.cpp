#include "autograd/ops/matrix_norm.h"

#include <cmath>

#include "autograd/autocast_call.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg::linalg {
namespace {

/// x in `dtype`, once `dim` is known to name two different dims of it.
Tensor checked_matrices(const Tensor& x, IntArrayRef dim, optional<ScalarType> dtype) {
  ENSURE(x.is_floating_point(), "matrix_norm: x must have a floating dtype, got ", x.dtype());
  ENSURE(dim.size() == 2 && x.dim() >= 2, "matrix_norm: dim must name two dims of x ", x.sizes(),
         ", got ", dim);
  wrap_dims(dim, x.dim(), "matrix_norm");
  return dtype ? x.to(*dtype) : x;
}

}  // namespace

Tensor vector_norm(const Tensor& x, const Scalar& ord, OptionalIntArrayRef dim, bool keepdim,
                   optional<ScalarType> dtype) {
  const profiler::RecordOp recorded("vector_norm", x);
  const IntArrayRef dims = dim ? *dim : IntArrayRef();
  return fg::norm(dtype ? x.to(*dtype) : x, ord, dims, keepdim);
}

Tensor matrix_norm(const Tensor& x, std::string_view ord, IntArrayRef dim, bool keepdim,
                   optional<ScalarType> dtype) {
  const profiler::RecordOp recorded("matrix_norm", x);
  ENSURE(ord == "fro", "matrix_norm: ord must be \"fro\", 1, -1 or an infinity, got \"", ord, "\"");
  return fg::norm(checked_matrices(x, dim, dtype), 2, dim, keepdim);
}

Tensor matrix_norm(const Tensor& x, const Scalar& ord, IntArrayRef dim, bool keepdim,
                   optional<ScalarType> dtype) {
  const profiler::RecordOp recorded("matrix_norm", x);
  const double order = ord.toDouble();
  const bool rows = std::isinf(order);
  ENSURE(rows || std::abs(order) == 1,
         "matrix_norm: ord must be \"fro\", 1, -1 or an infinity, got ", order);
  const Tensor magnitudes = checked_matrices(x, dim, dtype).abs();
  const Tensor sums = magnitudes.sum(dim[rows ? 1 : 0], true);
  const int64_t over = dim[rows ? 0 : 1];
  const Tensor result = order > 0 ? sums.amax(over, true) : sums.amin(over, true);
  if (keepdim) return result;
  const int64_t a = wrap_dim(dim[0], x.dim(), "matrix_norm");
  const int64_t b = wrap_dim(dim[1], x.dim(), "matrix_norm");
  return result.squeeze(std::max(a, b)).squeeze(std::min(a, b));
}

Tensor norm(const Tensor& x, const optional<Scalar>& ord, OptionalIntArrayRef dim, bool keepdim,
            optional<ScalarType> dtype) {
  const profiler::RecordOp recorded("linalg_norm", x);
  if (!ord) return vector_norm(x, 2, dim, keepdim, dtype);
  const size_t dims = dim ? dim.value().size() : size_t(x.dim());
  ENSURE(dims == 1 || dims == 2, "norm: dim must name 1 or 2 dims where ord is given, got ", dims);
  if (dims == 1) return vector_norm(x, *ord, dim, keepdim, dtype);
  return dim ? matrix_norm(x, *ord, *dim, keepdim, dtype)
             : matrix_norm(x, *ord, {-2, -1}, keepdim, dtype);
}

Tensor norm(const Tensor& x, std::string_view ord, OptionalIntArrayRef dim, bool keepdim,
            optional<ScalarType> dtype) {
  const profiler::RecordOp recorded("linalg_norm", x);
  return dim ? matrix_norm(x, ord, *dim, keepdim, dtype)
             : matrix_norm(x, ord, {-2, -1}, keepdim, dtype);
}

Tensor vecdot(const Tensor& x, const Tensor& y, int64_t dim) {
  if (fg::detail::is_autocast()) return fg::detail::autocast_call("vecdot", vecdot, x, y, dim);
  return (x * y).sum(dim);
}

}  // namespace fg::linalg
