#include "autograd/ops/distance.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/rearrange.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {

Tensor normalize(const Tensor& input, double p, int64_t dim, double eps) {
  const profiler::RecordOp recorded("normalize", input);
  return input.div(input.norm(p, dim, true).clamp_min(eps));
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim, double eps) {
  if (detail::is_autocast())
    return detail::autocast_call("cosine_similarity", cosine_similarity, x1, x2, dim, eps);
  const profiler::RecordOp recorded("cosine_similarity", x1, x2);
  const DimVector shape = broadcast_shapes(x1.sizes(), x2.sizes(), "cosine_similarity");
  const ScalarType dtype = promote_types(x1.dtype(), x2.dtype());
  ENSURE(is_floating(dtype), "cosine_similarity: x1 and x2 must be floating, got ", x1.dtype(),
         " and ", x2.dtype());
  // Each is divided by its norm before the product, which could overflow or underflow.
  const Tensor a = normalize(x1.to(dtype).expand(shape), 2, dim, eps);
  const Tensor b = normalize(x2.to(dtype).expand(shape), 2, dim, eps);
  return a.mul(b).sum(dim);
}

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
  const profiler::RecordOp recorded("pairwise_distance", x1, x2);
  return x1.sub(x2).add(eps).norm(p, -1, keepdim);
}

Tensor dist(const Tensor& x, const Tensor& other, const Scalar& p) {
  if (detail::is_autocast()) return detail::autocast_call("dist", dist, x, other, p);
  const profiler::RecordOp recorded("dist", x, other);
  return x.sub(other).norm(p);
}

Tensor cdist(const Tensor& x1, const Tensor& x2, double p, optional<int64_t> compute_mode) {
  if (detail::is_autocast()) return detail::autocast_call("cdist", cdist, x1, x2, p, compute_mode);
  const profiler::RecordOp recorded("cdist", x1, x2);
  ENSURE(x1.dim() >= 2 && x2.dim() >= 2 && x1.size(-1) == x2.size(-1),
         "cdist: x1 and x2 must have at least 2 dims, the last ones equal, got shapes ", x1.sizes(),
         " and ", x2.sizes());
  ENSURE(p >= 0, "cdist: p must not be negative, got ", p);
  return x1.unsqueeze(-2).sub(x2.unsqueeze(-3)).norm(p, {-1});
}

Tensor pdist(const Tensor& x, double p) {
  if (detail::is_autocast()) return detail::autocast_call("pdist", pdist, x, p);
  const profiler::RecordOp recorded("pdist", x);
  ENSURE(x.dim() == 2, "pdist only supports 2D tensors, got: ", x.dim(), "D");
  ENSURE(x.is_floating_point(), "pdist only supports floating-point dtypes");
  ENSURE(p >= 0, "pdist only supports non-negative p values");
  const Tensor pairs = triu_indices(x.size(0), x.size(0), 1).to(x.device());
  return x.index_select(0, pairs[0]).sub(x.index_select(0, pairs[1])).norm(p, {1});
}

}  // namespace fg
