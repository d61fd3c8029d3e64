#include "autograd/ops/products.h"

#include <limits>

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/rearrange.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const Tensor& bias) {
  if (detail::is_autocast())
    return detail::autocast_call("bilinear", bilinear, input1, input2, weight, bias);
  const profiler::RecordOp recorded("bilinear", input1, input2, weight, bias);
  ENSURE(weight.dim() == 3, "bilinear: weight must have 3 dims, got shape ", weight.sizes());
  ENSURE(input1.dim() >= 1 && input1.size(-1) == weight.size(1), "bilinear: input1 must have ",
         weight.size(1), " features in its last dim, got shape ", input1.sizes());
  ENSURE(input2.dim() == input1.dim() && input2.size(-1) == weight.size(2),
         "bilinear: input2 must have as many dims as input1 and ", weight.size(2),
         " features in its last dim, got shape ", input2.sizes());
  const int64_t out = weight.size(0), in1 = weight.size(1), in2 = weight.size(2);
  std::vector<int64_t> sizes(input1.sizes().begin(), input1.sizes().end());
  sizes.back() = out;
  const Tensor rows1 = input1.reshape({-1, in1}), rows2 = input2.reshape({-1, in2});
  // x1 weight[k] for every k side by side, then the dot product with x2.
  const Tensor mixed = rows1.matmul(weight.permute({1, 0, 2}).reshape({in1, out * in2}));
  Tensor result = mixed.view({-1, out, in2}).matmul(rows2.unsqueeze(2)).squeeze(2).reshape(sizes);
  return bias.defined() ? result + bias : result;
}

Tensor addr(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta,
            const Scalar& alpha) {
  if (detail::is_autocast()) return detail::autocast_call("addr", addr, self, a, b, beta, alpha);
  const profiler::RecordOp recorded("addr", self, a, b);
  ENSURE(a.dim() == 1 && b.dim() == 1, "addr: a and b must have 1 dim, got shapes ", a.sizes(),
         " and ", b.sizes());
  return addmm(self, a.unsqueeze(1), b.unsqueeze(0), beta, alpha);
}

Tensor addbmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta,
              const Scalar& alpha) {
  if (detail::is_autocast())
    return detail::autocast_call("addbmm", addbmm, self, a, b, beta, alpha);
  const profiler::RecordOp recorded("addbmm", self, a, b);
  ENSURE(a.dim() == 3 && b.dim() == 3 && a.size(0) == b.size(0) && a.size(2) == b.size(1),
         "addbmm: a and b must be batches of matrices that fit, got shapes ", a.sizes(), " and ",
         b.sizes());
  // One product over the batch and the inner extent together.
  const int64_t summed = a.size(0) * a.size(2);
  return addmm(self, a.transpose(0, 1).reshape({a.size(1), summed}), b.reshape({summed, b.size(2)}),
               beta, alpha);
}

Tensor chain_matmul(TensorList matrices) {
  if (detail::is_cuda_autocast(matrices))
    return detail::autocast_call("chain_matmul", chain_matmul, matrices);
  const profiler::RecordOp recorded("chain_matmul", matrices);
  const size_t count = matrices.size();
  ENSURE(count > 0, "chain_matmul: matrices must not be empty");
  std::vector<Tensor> factors(matrices.begin(), matrices.end());
  if (count == 1) return factors[0];
  const bool row = factors[0].dim() == 1, column = factors.back().dim() == 1;
  if (row) factors[0] = factors[0].unsqueeze(0);
  if (column) factors.back() = factors.back().unsqueeze(1);
  for (size_t i = 0; i < count; ++i)
    ENSURE(factors[i].dim() == 2 && (i == 0 || factors[i - 1].size(1) == factors[i].size(0)),
           "chain_matmul: matrices[", i,
           "] must have 2 dims and follow the one before it, got shape ", factors[i].sizes());
  // cost[i][j]: the fewest multiplications for factors i to j; cut[i][j]: after which one to split.
  std::vector<std::vector<double>> cost(count, std::vector<double>(count, 0));
  std::vector<std::vector<size_t>> cut(count, std::vector<size_t>(count, 0));
  for (size_t length = 2; length <= count; ++length) {
    for (size_t i = 0; i + length <= count; ++i) {
      const size_t j = i + length - 1;
      cost[i][j] = std::numeric_limits<double>::infinity();
      for (size_t k = i; k < j; ++k) {
        const double product =
            double(factors[i].size(0)) * double(factors[k].size(1)) * double(factors[j].size(1));
        const double total = cost[i][k] + cost[k + 1][j] + product;
        if (total < cost[i][j]) cost[i][j] = total, cut[i][j] = k;
      }
    }
  }
  const auto multiply = [&](const auto& self, size_t i, size_t j) -> Tensor {
    if (i == j) return factors[i];
    return self(self, i, cut[i][j]).mm(self(self, cut[i][j] + 1, j));
  };
  Tensor result = multiply(multiply, 0, count - 1);
  if (row) result = result.squeeze(0);
  return column ? result.squeeze(-1) : result;
}

Tensor tensordot(const Tensor& self, const Tensor& other, IntArrayRef dims_self,
                 IntArrayRef dims_other) {
  if (detail::is_cuda_autocast(self))
    return detail::autocast_call(
        "tensordot", [](const auto&... in) { return tensordot(in...); }, self, other, dims_self,
        dims_other);
  const profiler::RecordOp recorded("tensordot", self, other);
  ENSURE(dims_self.size() == dims_other.size(),
         "tensordot: dims_self and dims_other must list equally many dims, got ", dims_self,
         " and ", dims_other);
  const DimVector over_self = wrap_dims(dims_self, self.dim(), "tensordot");
  const DimVector over_other = wrap_dims(dims_other, other.dim(), "tensordot");
  DimVector order_self, order_other(over_other), sizes;
  int64_t summed = 1;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (std::count(over_self.begin(), over_self.end(), d)) continue;
    order_self.push_back(d);
    sizes.push_back(self.size(d));
  }
  for (size_t i = 0; i < over_self.size(); ++i) {
    ENSURE(self.size(over_self[i]) == other.size(over_other[i]),
           "tensordot: paired dims must have equal extents, got ", self.sizes(), " over ",
           dims_self, " and ", other.sizes(), " over ", dims_other);
    order_self.push_back(over_self[i]);
    summed *= self.size(over_self[i]);
  }
  for (int64_t d = 0; d < other.dim(); ++d) {
    if (std::count(over_other.begin(), over_other.end(), d)) continue;
    order_other.push_back(d);
    sizes.push_back(other.size(d));
  }
  const int64_t rows = summed == 0 ? numel_of(sizes) : self.numel() / summed;
  return self.permute(order_self)
      .reshape({rows, summed})
      .mm(other.permute(order_other).reshape({summed, -1}))
      .reshape(sizes);
}

Tensor tensordot(const Tensor& self, const Tensor& other, int64_t dims) {
  if (detail::is_cuda_autocast(self))
    return detail::autocast_call(
        "tensordot", [](const auto&... in) { return tensordot(in...); }, self, other, dims);
  const profiler::RecordOp recorded("tensordot", self, other);
  ENSURE(dims >= 0 && dims <= self.dim() && dims <= other.dim(), "tensordot: dims must lie in [0, ",
         std::min(self.dim(), other.dim()), "], got ", dims);
  DimVector last, first;
  for (int64_t d = 0; d < dims; ++d) {
    last.push_back(self.dim() - dims + d);
    first.push_back(d);
  }
  return tensordot(self, other, last, first);
}

Tensor inner(const Tensor& self, const Tensor& other) {
  const profiler::RecordOp recorded("inner", self, other);
  if (self.dim() == 0 || other.dim() == 0) return self * other;
  ENSURE(self.size(-1) == other.size(-1), "inner: the last extents must agree, got shapes ",
         self.sizes(), " and ", other.sizes());
  return tensordot(self, other, {-1}, {-1});
}

Tensor vdot(const Tensor& self, const Tensor& other) { return dot(self, other); }

Tensor ger(const Tensor& self, const Tensor& other) { return outer(self, other); }

Tensor matrix_power(const Tensor& self, int64_t n) {
  const profiler::RecordOp recorded("matrix_power", self);
  ENSURE(self.dim() >= 2 && self.size(-1) == self.size(-2),
         "matrix_power: self must be square matrices, got shape ", self.sizes());
  ENSURE(n >= 0, "matrix_power: n must not be negative, got ", n);
  if (n == 0) return eye(self.size(-1), self.options()).expand(self.sizes()).clone();
  Tensor result, power = self;
  for (int64_t rest = n;; rest /= 2) {
    if (rest % 2) result = result.defined() ? result.matmul(power) : power;
    if (rest < 2) return result;
    power = power.matmul(power);
  }
}

Tensor kron(const Tensor& self, const Tensor& other) {
  const profiler::RecordOp recorded("kron", self, other);
  const int64_t dims = std::max(self.dim(), other.dim());
  DimVector outer, inner, sizes;  // [a0, 1, a1, 1, ...] times [1, b0, 1, b1, ...]
  for (int64_t d = 0; d < dims; ++d) {
    const int64_t a = d < dims - self.dim() ? 1 : self.size(d - dims + self.dim());
    const int64_t b = d < dims - other.dim() ? 1 : other.size(d - dims + other.dim());
    outer.push_back(a);
    outer.push_back(1);
    inner.push_back(1);
    inner.push_back(b);
    sizes.push_back(a * b);
  }
  return (self.reshape(outer) * other.reshape(inner)).reshape(sizes);
}

Tensor trace(const Tensor& self) {
  if (detail::is_autocast()) return detail::autocast_call("trace", trace, self);
  const profiler::RecordOp recorded("trace", self);
  ENSURE(self.dim() == 2, "trace: self must have 2 dims, got shape ", self.sizes());
  return self.diagonal().sum();
}

Tensor cross(const Tensor& self, const Tensor& other, optional<int64_t> dim) {
  if (detail::is_autocast()) return detail::autocast_call("cross", cross, self, other, dim);
  const profiler::RecordOp recorded("cross", self, other);
  const DimVector shape = broadcast_shapes(self.sizes(), other.sizes(), "cross");
  const auto first = std::find(shape.begin(), shape.end(), 3);
  ENSURE(dim || first != shape.end(), "cross: no dim of ", IntArrayRef(shape), " has extent 3");
  const Tensor a = self.expand(shape), b = other.expand(shape);
  const int64_t along = dim.value_or(first - shape.begin());
  ENSURE(a.size(along) == 3, "cross: dim ", along, " must have extent 3, got shape ",
         IntArrayRef(shape));
  // Components i of the result: a[i + 1] b[i + 2] - a[i + 2] b[i + 1].
  return a.roll(-1, along) * b.roll(-2, along) - a.roll(-2, along) * b.roll(-1, along);
}

}  // namespace fg
