#include "autograd/ops/distance.h"

#include "tensor/shape.h"

namespace fg {

Tensor normalize(const Tensor& input, double p, int64_t dim, double eps) {
  return input.div(input.norm(p, dim, true).clamp_min(eps));
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim, double eps) {
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
  return x1.sub(x2).add(eps).norm(p, -1, keepdim);
}

}  // namespace fg
