#include "autograd/ops/scatter_reduce.h"

#include "autograd/ops/elementwise.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/sort.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

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

/// For each element of x the product of all of src that `index` sends there; 0 where nothing goes.
Tensor products(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src) {
  const int64_t count = index.size(dim);
  const auto [target, order] = index.sort(dim);
  const auto same = [&, &target = target](int64_t step) {  // target as `step` places before
    return target.narrow(dim, step, count - step).eq(target.narrow(dim, 0, count - step));
  };
  // Of the sorted elements, each comes to hold the product from its run's first one on, twice as far with
  // each step.
  Tensor product = src.gather(dim, order);
  for (int64_t step = 1; step < count; step *= 2) {
    const Tensor later = product.narrow(dim, step, count - step);
    const Tensor joined = later * product.narrow(dim, 0, count - step);
    product = cat({product.narrow(dim, 0, step), where(same(step), joined, later)}, dim);
  }
  const Tensor last = ones_like(target, kBool);  // of its run
  if (count > 1) last.narrow(dim, 0, count - 1).copy_(same(1).logical_not());
  return zeros_like(x).scatter_add(dim, target, where(last, product, 0));
}

Tensor multiplied(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                  bool include_self) {
  if (x.dim() == 0)
    return multiplied(x.unsqueeze(0), 0, index.reshape({-1}), src.reshape({-1}), include_self)
        .squeeze(0);
  if (index.numel() == 0) return x.clone();
  const int64_t along = wrap_dim(dim, x.dim(), "scatter_reduce");
  const Tensor reduced = named_by(index, x, along);
  const Tensor factor = where(reduced, products(x, along, index, src), 1);
  return factor * (include_self ? x : x.masked_fill(reduced, 1));
}

}  // namespace

Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self) {
  const profiler::RecordOp recorded("scatter_reduce", x, index, src);
  ENSURE(reduce == "sum" || reduce == "mean" || reduce == "prod" || reduce == "amax" ||
             reduce == "amin",
         "scatter_reduce: reduce must be 'sum', 'mean', 'prod', 'amax' or 'amin', got '", reduce,
         "'");
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
  if (reduce == "prod") return multiplied(x, dim, index, used, include_self);
  const Tensor reduced = named_by(index, x, dim);
  const Tensor start = include_self ? x : x.masked_fill(reduced, 0);
  const Tensor sum = start.scatter_add(dim, index, used);
  if (reduce == "sum") return sum;
  const Tensor own = include_self ? ones_like(x.detach()) : reduced.logical_not().to(x.dtype());
  const Tensor count = own.scatter_add(dim, index, ones_like(used.detach()));
  return is_floating(x.dtype()) ? sum / count : sum.div(count, "floor");
}

Tensor index_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                    std::string_view reduce, bool include_self) {
  const profiler::RecordOp recorded("index_reduce", x, index, src);
  const int64_t along = wrap_dim(dim, x.dim(), "index_reduce");
  ENSURE(reduce == "mean" || reduce == "prod" || reduce == "amax" || reduce == "amin",
         "index_reduce: reduce must be 'mean', 'prod', 'amax' or 'amin', got '", reduce, "'");
  ENSURE(index.dim() <= 1, "index_reduce: index must have at most 1 dim, got shape ",
         index.sizes());
  if (x.dim() == 0)
    return scatter_reduce(x, 0, index.reshape(src.sizes()), src, reduce, include_self);
  DimVector expected(x.sizes().begin(), x.sizes().end()), shape(size_t(x.dim()), 1);
  expected[size_t(along)] = shape[size_t(along)] = index.numel();
  ENSURE(src.sizes().equals(expected), "index_reduce: src must have shape ", expected,
         " (x's, with index's ", index.numel(), " entries along dim ", along, "), got ",
         src.sizes());
  return scatter_reduce(x, along, index.to(kLong).reshape(shape).expand(expected), src, reduce,
                        include_self);
}

Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
               std::string_view reduce) {
  const profiler::RecordOp recorded("scatter", x, index, src);
  ENSURE(reduce == "add" || reduce == "multiply",
         "scatter: reduce must be 'add' or 'multiply', got '", reduce, "'");
  if (reduce == "add") return scatter_add(x, dim, index, src);
  return scatter_reduce(x, dim, index, src, "prod");
}
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value,
               std::string_view reduce) {
  return scatter(x, dim, index, full({}, value, x.options()).expand(index.sizes()), reduce);
}

}  // namespace fg
