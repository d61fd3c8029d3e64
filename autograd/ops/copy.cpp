#include "autograd/ops/copy.h"

#include "autograd/ops/elementwise.h"
#include "autograd/record.h"
#include "tensor/factories.h"
#include "tensor/kernels/fill.h"
#include "tensor/kernels/memory.h"
#include "tensor/on_device.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

/// Copies and casts: the gradient passes through; the engine converts its dtype back.
struct ToCopyBackward : Node {
  std::string name() const override { return "ToCopyBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    const OutputInfo& input = next_edges()[0].node->outputs()[next_edges()[0].input_nr];
    const Tensor& g = grads[0];
    return {g.device() == input.device ? g : g.to(TensorOptions(input.device))};
  }
};

struct CloneBackward : Node {
  std::string name() const override { return "CloneBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override { return {grads[0]}; }
};

/// Input 0 was overwritten; input 1 is the source, whose broadcast the engine undoes.
struct CopyBackward : Node {
  std::string name() const override { return "CopyBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {needs(0) ? zeros_like(grads[0]) : Tensor(), grads[0]};
  }
};

struct FillBackward : Node {
  std::string name() const override { return "FillBackward"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    return {zeros_like(grads[0])};
  }
};

template <class N>
Tensor copied(const Tensor& self, const TensorOptions& options, bool non_blocking = false) {
  auto node = make_node<N>(self);
  const Tensor result = empty_like(self, options);
  copy_values(result, self, non_blocking);
  if (node) node->attach(result);
  return result;
}

}  // namespace

Tensor clone(const Tensor& self, optional<MemoryFormat> format) {
  const profiler::RecordOp recorded("clone", self);
  return copied<CloneBackward>(self, TensorOptions().memory_format(format));
}
Tensor TensorMethods::clone(optional<MemoryFormat> format) const {
  return fg::clone(self(), format);
}

Tensor TensorMethods::contiguous(MemoryFormat format) const {
  ENSURE(format != MemoryFormat::Preserve, "contiguous: format must not be Preserve");
  return self().is_contiguous(format) ? self() : clone(format);
}

Tensor TensorMethods::to(const TensorOptions& given, bool non_blocking, bool copy,
                         optional<MemoryFormat> wanted_format) const {
  const TensorOptions options = wanted_format ? given.memory_format(wanted_format) : given;
  const TensorOptions wanted = options.or_else(self().options());
  const MemoryFormat format = options.memory_format_opt().value_or(MemoryFormat::Preserve);
  const bool fits = wanted.dtype() == self().dtype() &&
                    wanted.device().resolved() == self().device() &&
                    (format == MemoryFormat::Preserve || self().is_contiguous(format));
  if (fits && !copy) return self();
  const profiler::RecordOp recorded("to", self());
  return copied<ToCopyBackward>(self(), options.requires_grad(nullopt), non_blocking);
}
Tensor TensorMethods::to(ScalarType dtype, bool non_blocking, bool copy,
                         optional<MemoryFormat> format) const {
  return to(TensorOptions(dtype), non_blocking, copy, format);
}
Tensor TensorMethods::to(Device device, ScalarType dtype, bool non_blocking, bool copy,
                         optional<MemoryFormat> format) const {
  return to(TensorOptions(dtype).device(device), non_blocking, copy, format);
}
Tensor TensorMethods::to(const Tensor& other, bool non_blocking, bool copy,
                         optional<MemoryFormat> format) const {
  return to(other.options(), non_blocking, copy, format);
}
Tensor TensorMethods::type_as(const Tensor& other) const { return to(other.options()); }
Tensor TensorMethods::toType(ScalarType dtype) const { return to(dtype); }
Tensor TensorMethods::cpu() const { return to(TensorOptions(kCPU)); }
Tensor TensorMethods::pin_memory() const {
  ENSURE(self().is_cpu(), "pin_memory: tensor must be on the CPU, got ", self().device());
  if (is_pinned()) return self();
  const profiler::RecordOp recorded("pin_memory", self());
  return copied<ToCopyBackward>(self(), TensorOptions().pinned_memory(true));
}
bool TensorMethods::is_pinned() const {
  if constexpr (kHasCuda)
    return self().is_cpu() && self().numel() > 0 && cuda::is_pinned(self().data_ptr());
  else
    return false;
}
Tensor TensorMethods::cuda() const { return to(TensorOptions(kCUDA)); }

Tensor& TensorMethods::copy_(const Tensor& source, bool non_blocking) const {
  const profiler::RecordOp recorded("copy_", self(), source);
  check_inplace(self(), "copy_", needs_recording(source));
  ENSURE(is_expandable_to(source.sizes(), self().sizes()), "copy_: source of shape ",
         source.sizes(), " must be broadcastable to ", self().sizes());
  auto node = make_node<CopyBackward>(self(), source);
  const bool overlaps = self().is_alias_of(source) && !self().is_same(source);
  const Tensor from = overlaps ? source.detach().clone() : source;
  copy_values(self(), from, non_blocking);
  finish_inplace(self(), node);
  return const_cast<Tensor&>(self());
}

Tensor& TensorMethods::fill_(const Scalar& value) const {
  const profiler::RecordOp recorded("fill_", self());
  check_inplace(self(), "fill_");
  const Scalar stored = fill_value(value, self().dtype(), "fill_");
  auto node = make_node<FillBackward>(self());
  ON_DEVICE(self(), fill, self(), stored);
  finish_inplace(self(), node);
  return const_cast<Tensor&>(self());
}
Tensor& TensorMethods::fill_(const Tensor& value) const {
  const profiler::RecordOp recorded("fill_", self(), value);
  ENSURE(value.dim() == 0, "fill_: value must have 0 dims, got ", value.dim());
  return copy_(value);
}
Tensor& TensorMethods::zero_() const {
  const profiler::RecordOp recorded("zero_", self());
  return fill_(0);
}

}  // namespace fg
