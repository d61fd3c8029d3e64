// Ops on Bool masks, and the positions of elements that are not zero.
#include "autograd/ops/indexed_access.h"
#include "autograd/record.h"
#include "tensor/factories.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

struct MaskedFillBackward : Node {
  Saved mask{this};

  std::string name() const override { return "MaskedFillBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const Tensor where_filled = mask.unpack();
    Tensor grad_x, grad_value;
    if (needs(0)) grad_x = grads[0].masked_fill(where_filled, Scalar(0));
    if (needs(1)) grad_value = grads[0].masked_fill(where_filled.logical_not(), Scalar(0)).sum();
    return {grad_x, grad_value};
  }
};

void check_mask(const Tensor& mask, const char* op) {
  ENSURE(mask.dtype() == kBool, op, ": mask must have dtype Bool, got ", mask.dtype());
}

// `value_tensor`, which is 0-d, stands for `value` if it is defined.
void fill_masked(const Tensor& x, const Tensor& mask, const Scalar& value,
                 const Tensor& value_tensor) {
  check_mask(mask, "masked_fill_");
  ENSURE(is_expandable_to(mask.sizes(), x.sizes()), "masked_fill_: mask of shape ", mask.sizes(),
         " must be broadcastable to the tensor's shape ", x.sizes());
  check_inplace(x, "masked_fill_", needs_recording(value_tensor));
  auto node = make_node<MaskedFillBackward>(x, value_tensor);
  const Tensor flags = mask.is_alias_of(x) ? mask.clone() : mask;
  const bool read = value_tensor.defined();
  if (read && x.is_cuda() && value_tensor.is_cuda())
    ON_DEVICE(x, where, x, flags, value_tensor, x);  // reading the value would wait for the GPU
  else
    ON_DEVICE(x, masked_fill, x, flags, read ? value_tensor.item() : value);
  if (node) node->mask.save(mask);
  finish_inplace(x, node);
}

// A copy of x, broadcast against the mask, to be written to.
Tensor copy_for_mask(const Tensor& x, const Tensor& mask, const char* op) {
  check_mask(mask, op);
  const DimVector sizes = broadcast_shapes(x.sizes(), mask.sizes(), op);
  if (x.sizes().equals(sizes)) return x.clone();
  return x.expand(sizes).clone(MemoryFormat::Contiguous);
}

}  // namespace

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Scalar& value) {
  const profiler::RecordOp recorded("masked_fill", x, mask);
  return copy_for_mask(x, mask, "masked_fill").masked_fill_(mask, value);
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value) {
  const profiler::RecordOp recorded("masked_fill", x, mask, value);
  return copy_for_mask(x, mask, "masked_fill").masked_fill_(mask, value);
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  const profiler::RecordOp recorded("masked_select", x, mask);
  check_mask(mask, "masked_select");
  const DimVector sizes = broadcast_shapes(x.sizes(), mask.sizes(), "masked_select");
  if (sizes.empty()) return masked_select(x.unsqueeze(0), mask);
  const std::vector<Tensor> positions = nonzero(mask.expand(sizes)).unbind(1);
  return detail::read_indices(x.expand(sizes), positions, "MaskedSelect");
}

Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source) {
  const profiler::RecordOp recorded("masked_scatter", x, mask, source);
  ENSURE(source.dtype() == x.dtype(), "masked_scatter: source must have dtype ", x.dtype(),
         " (the tensor's dtype), got ", source.dtype());
  const Tensor out = copy_for_mask(x, mask, "masked_scatter");
  const Tensor positions = nonzero(mask.expand(out.sizes()));
  const int64_t count = positions.size(0);
  ENSURE(source.numel() >= count, "masked_scatter: source must have at least ", count,
         " elements (the mask's true ones), got ", source.numel());
  const Tensor values = source.reshape({-1}).narrow(0, 0, count);
  const Tensor target = out.dim() == 0 ? out.unsqueeze(0) : out;
  const std::vector<Tensor> indices = out.dim() == 0
                                          ? std::vector<Tensor>{zeros({count}, positions.options())}
                                          : positions.unbind(1);
  detail::write_indices(target, indices, values, false, "MaskedScatter");
  return out;
}

Tensor nonzero(const Tensor& x) {
  const profiler::RecordOp recorded("nonzero", x);
  NoGradGuard no_grad;
  const Tensor mask = x.dtype() == kBool ? x : x.ne(Scalar(0));
  return ON_DEVICE(x, nonzero, mask.contiguous());
}
std::vector<Tensor> nonzero_numpy(const Tensor& x) {
  return nonzero(x.dim() == 0 ? x.unsqueeze(0) : x).unbind(1);
}
Tensor argwhere(const Tensor& x) { return nonzero(x); }

Tensor TensorMethods::masked_fill(const Tensor& mask, const Scalar& value) const {
  return fg::masked_fill(self(), mask, value);
}
Tensor TensorMethods::masked_fill(const Tensor& mask, const Tensor& value) const {
  return fg::masked_fill(self(), mask, value);
}
Tensor& TensorMethods::masked_fill_(const Tensor& mask, const Scalar& value) const {
  const profiler::RecordOp recorded("masked_fill_", self(), mask);
  fill_masked(self(), mask, value, Tensor());
  return const_cast<Tensor&>(self());
}
Tensor& TensorMethods::masked_fill_(const Tensor& mask, const Tensor& value) const {
  const profiler::RecordOp recorded("masked_fill_", self(), mask, value);
  ENSURE(value.dim() == 0, "masked_fill_: value must be a 0-d tensor, got shape ", value.sizes());
  fill_masked(self(), mask, 0, value);
  return const_cast<Tensor&>(self());
}
Tensor TensorMethods::masked_select(const Tensor& mask) const {
  return fg::masked_select(self(), mask);
}
Tensor TensorMethods::nonzero() const { return fg::nonzero(self()); }

}  // namespace fg
