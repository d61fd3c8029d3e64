#include "autograd/ops/assemble.h"

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/pad.h"
#include "autograd/ops/rearrange.h"
#include "autograd/ops/view.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg {

Tensor diagflat(const Tensor& x, int64_t offset) {
  const profiler::RecordOp recorded("diagflat", x);
  return diag(x.reshape({-1}), offset);
}

Tensor block_diag(TensorList tensors) {
  const profiler::RecordOp recorded("block_diag", tensors);
  int64_t width = 0;
  std::vector<Tensor> rows;
  for (const Tensor& t : tensors) {
    ENSURE(t.dim() <= 2, "block_diag: tensors must have at most 2 dims, got shape ", t.sizes());
    rows.push_back(t.dim() == 2 ? t : t.reshape({1, -1}));
    width += rows.back().size(1);
  }
  int64_t left = 0;
  for (Tensor& block : rows) {
    const int64_t right = width - left - block.size(1);
    const int64_t extent = block.size(1);
    block = constant_pad_nd(block, {left, right});
    left += extent;
  }
  return rows.empty() ? empty({1, 0}) : cat(rows);
}

Tensor cartesian_prod(TensorList tensors) {
  const profiler::RecordOp recorded("cartesian_prod", tensors);
  for (const Tensor& t : tensors)
    ENSURE(t.dim() == 1, "cartesian_prod: tensors must have 1 dim, got shape ", t.sizes());
  if (tensors.size() == 1) return tensors[0];
  std::vector<Tensor> columns;
  for (const Tensor& grid : meshgrid(tensors)) columns.push_back(grid.flatten());
  return stack(columns, 1);
}

Tensor combinations(const Tensor& x, int64_t r, bool with_replacement) {
  const profiler::RecordOp recorded("combinations", x);
  ENSURE(x.dim() == 1, "combinations: x must have 1 dim, got shape ", x.sizes());
  ENSURE(r >= 0, "combinations: r must not be negative, got ", r);
  if (r == 0) return empty({0}, x.options());
  const int64_t count = x.size(0), step = with_replacement ? 0 : 1;
  std::vector<int64_t> chosen, index;
  const auto extend = [&](const auto& self, int64_t first) -> void {
    if (int64_t(chosen.size()) == r) {
      index.insert(index.end(), chosen.begin(), chosen.end());
      return;
    }
    for (int64_t i = first; i < count; ++i) {
      chosen.push_back(i);
      self(self, i + step);
      chosen.pop_back();
    }
  };
  extend(extend, 0);
  return x.index_select(0, tensor(index, kLong).to(x.device())).reshape({-1, r});
}

Tensor vander(const Tensor& x, optional<int64_t> n, bool increasing) {
  if (detail::is_autocast()) return detail::autocast_call("vander", vander, x, n, increasing);
  const profiler::RecordOp recorded("vander", x);
  ENSURE(x.dim() == 1, "vander: x must have 1 dim, got shape ", x.sizes());
  const int64_t count = n.value_or(x.size(0));
  ENSURE(count >= 0, "vander: n must not be negative, got ", count);
  Tensor exponents = arange(count, TensorOptions(kLong).device(x.device()));
  if (!increasing) exponents = exponents.flip(0);
  return x.unsqueeze(1).pow(exponents);
}

namespace {

/// A copy of x with `src` written to the view that `part` takes.
template <class Part>
Tensor with_part(const Tensor& x, const Tensor& src, const char* op, const Part& part) {
  const Tensor copy = x.clone(), view = part(copy);
  ENSURE(view.sizes() == src.sizes(), op, ": src must have the slice's shape ", view.sizes(),
         ", got ", src.sizes());
  view.copy_(src);
  return copy;
}

}  // namespace

Tensor select_scatter(const Tensor& x, const Tensor& src, int64_t dim, int64_t index) {
  const profiler::RecordOp recorded("select_scatter", x, src);
  return with_part(x, src, "select_scatter",
                   [&](const Tensor& copy) { return copy.select(dim, index); });
}

Tensor slice_scatter(const Tensor& x, const Tensor& src, int64_t dim, optional<int64_t> start,
                     optional<int64_t> end, int64_t step) {
  const profiler::RecordOp recorded("slice_scatter", x, src);
  return with_part(x, src, "slice_scatter",
                   [&](const Tensor& copy) { return copy.slice(dim, start, end, step); });
}

Tensor diagonal_scatter(const Tensor& x, const Tensor& src, int64_t offset, int64_t dim1,
                        int64_t dim2) {
  const profiler::RecordOp recorded("diagonal_scatter", x, src);
  return with_part(x, src, "diagonal_scatter",
                   [&](const Tensor& copy) { return copy.diagonal(offset, dim1, dim2); });
}

Tensor as_strided_scatter(const Tensor& x, const Tensor& src, IntArrayRef size, IntArrayRef stride,
                          optional<int64_t> storage_offset) {
  const profiler::RecordOp recorded("as_strided_scatter", x, src);
  return with_part(x, src, "as_strided_scatter", [&](const Tensor& copy) {
    return copy.as_strided(size, stride, storage_offset);
  });
}

}  // namespace fg
