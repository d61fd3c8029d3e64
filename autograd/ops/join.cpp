#include "autograd/ops/join.h"

#include "autograd/autocast_call.h"
#include "autograd/node.h"
#include "tensor/factories.h"
#include "tensor/kernels/rearrange.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

struct CatBackward : Node {
  struct Piece {
    DimVector sizes;
    ScalarType dtype;
    bool skipped;
  };
  std::vector<Piece> pieces;
  int64_t dim = 0;

  std::string name() const override { return "CatBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    std::vector<Tensor> result(pieces.size());
    int64_t at = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const Piece& piece = pieces[i];
      const int64_t extent = piece.skipped ? 0 : piece.sizes[size_t(dim)];
      if (needs(i))
        result[i] = piece.skipped ? zeros(piece.sizes, grads[0].options().dtype(piece.dtype))
                                  : grads[0].narrow(dim, at, extent).to(piece.dtype);
      at += extent;
    }
    return result;
  }
};

// Empty tensors of one dim may stand among any others: PyTorch's old idiom `x = cat({x, row})` that
// starts from an empty x.
bool is_skipped(const Tensor& t) { return t.dim() == 1 && t.numel() == 0; }

Tensor stack_at_least(TensorList tensors, Tensor (*lift)(const Tensor&), int64_t dim) {
  std::vector<Tensor> lifted;
  for (const Tensor& t : tensors) lifted.push_back(lift(t));
  return cat(lifted, dim);
}

}  // namespace

Tensor cat(TensorList tensors, int64_t dim) {
  if (detail::is_autocast()) return detail::autocast_call("cat", cat, tensors, dim);
  const profiler::RecordOp recorded("cat", tensors);
  ENSURE(!tensors.empty(), "cat: tensors must hold at least one tensor, got an empty list");
  size_t first = tensors.size();
  ScalarType dtype = tensors[0].dtype();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    ENSURE(t.dim() > 0, "cat: tensors must have at least 1 dim, got a 0-d tensor at position ", i);
    ENSURE(t.device() == tensors[0].device(), "cat: tensors must be on one device, got ",
           tensors[0].device(), " and ", t.device());
    dtype = promote_types(dtype, t.dtype());
    if (first == tensors.size() && !is_skipped(t)) first = i;
  }
  const Tensor& like = tensors[first == tensors.size() ? 0 : first];
  dim = wrap_dim(dim, like.dim(), "cat");
  DimVector sizes(like.sizes().begin(), like.sizes().end());
  sizes[size_t(dim)] = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (is_skipped(t)) continue;
    ENSURE(t.dim() == like.dim(), "cat: tensors must have the same number of dims, got ",
           like.dim(), " and ", t.dim(), " (tensor ", i, ")");
    for (int64_t d = 0; d < t.dim(); ++d) {
      ENSURE(d == dim || t.size(d) == like.size(d),
             "cat: sizes of tensors must match except in dim ", dim, ", expected size ",
             like.size(d), " but got size ", t.size(d), " in dim ", d, " of tensor ", i);
    }
    sizes[size_t(dim)] += t.size(dim);
  }

  auto node = make_node<CatBackward>(tensors);
  Tensor out = empty(sizes, like.options().dtype(dtype));
  {
    NoGradGuard no_grad;
    std::vector<Tensor> inputs;
    for (const Tensor& t : tensors)
      if (!is_skipped(t)) inputs.push_back(t.to(dtype).contiguous());
    ON_DEVICE(out, cat, out, inputs, dim);
  }
  if (node) {
    for (const Tensor& t : tensors)
      node->pieces.push_back(
          {DimVector(t.sizes().begin(), t.sizes().end()), t.dtype(), is_skipped(t)});
    node->dim = dim;
    node->attach(out);
  }
  return out;
}

Tensor stack(TensorList tensors, int64_t dim) {
  if (detail::is_autocast()) return detail::autocast_call("stack", stack, tensors, dim);
  const profiler::RecordOp recorded("stack", tensors);
  ENSURE(!tensors.empty(), "stack: tensors must hold at least one tensor, got an empty list");
  dim = wrap_dim(dim, tensors[0].dim() + 1, "stack");
  std::vector<Tensor> slices;
  for (size_t i = 0; i < tensors.size(); ++i) {
    ENSURE(tensors[i].sizes() == tensors[0].sizes(), "stack: tensors must have equal shapes, got ",
           tensors[0].sizes(), " at entry 0 and ", tensors[i].sizes(), " at entry ", i);
    slices.push_back(tensors[i].unsqueeze(dim));
  }
  return cat(slices, dim);
}

Tensor hstack(TensorList tensors) {
  const profiler::RecordOp recorded("hstack", tensors);
  ENSURE(!tensors.empty(), "hstack: tensors must hold at least one tensor, got an empty list");
  return stack_at_least(
      tensors, [](const Tensor& t) { return atleast_1d(t); }, tensors[0].dim() < 2 ? 0 : 1);
}
Tensor vstack(TensorList tensors) {
  const profiler::RecordOp recorded("vstack", tensors);
  ENSURE(!tensors.empty(), "vstack: tensors must hold at least one tensor, got an empty list");
  return stack_at_least(
      tensors, [](const Tensor& t) { return atleast_2d(t); }, 0);
}
Tensor dstack(TensorList tensors) {
  const profiler::RecordOp recorded("dstack", tensors);
  ENSURE(!tensors.empty(), "dstack: tensors must hold at least one tensor, got an empty list");
  return stack_at_least(
      tensors, [](const Tensor& t) { return atleast_3d(t); }, 2);
}
Tensor column_stack(TensorList tensors) {
  const profiler::RecordOp recorded("column_stack", tensors);
  const auto as_column = [](const Tensor& t) { return t.dim() < 2 ? t.reshape({-1, 1}) : t; };
  ENSURE(!tensors.empty(),
         "column_stack: tensors must hold at least one tensor, got an empty list");
  return stack_at_least(tensors, as_column, 1);
}

Tensor atleast_1d(const Tensor& x) {
  const profiler::RecordOp recorded("atleast_1d", x);
  return x.dim() == 0 ? x.unsqueeze(0) : x;
}
Tensor atleast_2d(const Tensor& x) {
  const profiler::RecordOp recorded("atleast_2d", x);
  return x.dim() < 2 ? atleast_1d(x).unsqueeze(0) : x;
}
Tensor atleast_3d(const Tensor& x) {
  const profiler::RecordOp recorded("atleast_3d", x);
  return x.dim() < 3 ? atleast_2d(x).unsqueeze(-1) : x;
}

namespace {

template <class F>
std::vector<Tensor> each(TensorList tensors, const F& f) {
  std::vector<Tensor> results;
  for (const Tensor& t : tensors) results.push_back(f(t));
  return results;
}

}  // namespace

std::vector<Tensor> atleast_1d(TensorList tensors) {
  const profiler::RecordOp recorded("atleast_1d", tensors);
  return each(tensors, [](const Tensor& t) { return atleast_1d(t); });
}
std::vector<Tensor> atleast_2d(TensorList tensors) {
  const profiler::RecordOp recorded("atleast_2d", tensors);
  return each(tensors, [](const Tensor& t) { return atleast_2d(t); });
}
std::vector<Tensor> atleast_3d(TensorList tensors) {
  const profiler::RecordOp recorded("atleast_3d", tensors);
  return each(tensors, [](const Tensor& t) { return atleast_3d(t); });
}

std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing) {
  const profiler::RecordOp recorded("meshgrid", tensors);
  ENSURE(!tensors.empty(), "meshgrid: tensors must hold at least one tensor, got an empty list");
  ENSURE(indexing == "ij" || indexing == "xy",
         "meshgrid: indexing must be \"ij\" or \"xy\", got \"", indexing, "\"");
  const bool swap = indexing == "xy" && tensors.size() >= 2;
  std::vector<Tensor> axes(tensors.begin(), tensors.end());
  if (swap) std::swap(axes[0], axes[1]);
  DimVector sizes;
  for (Tensor& axis : axes) {
    ENSURE(axis.dim() <= 1, "meshgrid: tensors must be 0-d or 1-d, got shape ", axis.sizes());
    ENSURE(axis.dtype() == axes[0].dtype(), "meshgrid: tensors must have one dtype, got ",
           axes[0].dtype(), " and ", axis.dtype());
    sizes.push_back(axis.numel());
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    DimVector along(axes.size(), 1);
    along[i] = sizes[i];
    axes[i] = axes[i].reshape(along).expand(sizes);
  }
  if (swap) std::swap(axes[0], axes[1]);
  return axes;
}

}  // namespace fg
