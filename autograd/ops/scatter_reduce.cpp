#include "autograd/ops/scatter_reduce.h"

#include "autograd/ops/elementwise.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/sort.h"
#include "tensor/factories.h"

namespace fg {
namespace {

/// Shares the gradient among all that equal the result.
struct ScatterExtremeBackward : Node {
  Saved index{this}, picked_x{this}, picked_src{this};  // the picked are 1 where they count, else 0
  int64_t dim = 0;

  std::string name() const override { return "ScatterReduceBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor index = this->index.unpack(), x = picked_x.unpack(), src = picked_src.unpack();
    const Tensor share = grads[0] / x.scatter_add(dim, index, src);
    return {share * x, share.gather(dim, index) * src};
  }
};

/// Elements of x that `index` names.
Tensor named_by(const Tensor& index, const Tensor& x, int64_t dim) {
  return zeros_like(x, kBool).scatter_(dim, index, true);
}

Tensor largest(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
               const Tensor& reduced, bool include_self) {
  // In ascending order the largest, or NaN, is written last.
  const Tensor order = argsort(src, /*stable=*/true, dim);
  const Tensor found = x.scatter(dim, index.gather(dim, order), src.gather(dim, order));
  return include_self ? where(reduced, maximum(x, found), x) : found;
}

Tensor extreme(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, bool smallest,
               bool include_self) {
  auto node = make_node<ScatterExtremeBackward>(x, src);
  NoGradGuard no_grad;
  const Tensor reduced = named_by(index, x, dim);
  const Tensor result = smallest
                            ? largest(x.neg(), dim, index, src.neg(), reduced, include_self).neg()
                            : largest(x, dim, index, src, reduced, include_self);
  if (node) {
    const Tensor counts_x = include_self ? ones_like(reduced) : reduced.logical_not();
    node->dim = dim;
    node->index.save(index);
    node->picked_x.save(counts_x.logical_and(x.eq(result)).to(x.dtype()));
    node->picked_src.save(src.eq(result.gather(dim, index)).to(x.dtype()));
    node->attach(result);
  }
  return result;
}

}  // namespace

Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self) {
  ENSURE(reduce == "sum" || reduce == "mean" || reduce == "amax" || reduce == "amin",
         "scatter_reduce: reduce must be 'sum', 'mean', 'amax' or 'amin', got '", reduce, "'");
  ENSURE(src.dtype() == x.dtype(), "scatter_reduce: src must have x's dtype ", x.dtype(), ", got ",
         src.dtype());
  ENSURE(index.dim() == src.dim(), "scatter_reduce: index must have as many dims as src ",
         src.sizes(), ", got shape ", index.sizes());
  Tensor used = src;
  for (int64_t d = 0; d < src.dim(); ++d) {
    ENSURE(index.size(d) <= src.size(d), "scatter_reduce: index must not be larger than src ",
           src.sizes(), ", got shape ", index.sizes());
    used = used.narrow(d, 0, index.size(d));
  }
  if (reduce == "amax" || reduce == "amin")
    return extreme(x, dim, index, used, reduce == "amin", include_self);
  const Tensor reduced = named_by(index, x, dim);
  const Tensor start = include_self ? x : x.masked_fill(reduced, 0);
  const Tensor sum = start.scatter_add(dim, index, used);
  if (reduce == "sum") return sum;
  const Tensor own = include_self ? ones_like(x.detach()) : reduced.logical_not().to(x.dtype());
  const Tensor count = own.scatter_add(dim, index, ones_like(used.detach()));
  return is_floating(x.dtype()) ? sum / count : sum.div(count, "floor");
}

}  // namespace fg
