// The autograd side of Tensor: requires_grad, grad, grad_fn, detach, hooks, and the bookkeeping of
// views and in-place writes.
#include "autograd/engine.h"
#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/view.h"
#include "autograd/record.h"
#include "tensor/factories.h"
#include "tensor/shape.h"

namespace fg {

AutogradRecord& ensure_record(const Tensor& tensor) {
  if (!tensor.impl().autograd) tensor.impl().autograd = std::make_unique<AutogradRecord>();
  return *record_of(tensor);
}

namespace {

// The view's base may have been written through another name since the view got its grad_fn.
bool view_is_stale(const Tensor& t) {
  return t.is_view() && !t.impl().view_without_grad && t.impl().view_version != t._version();
}

void drop_retain_hook(Node& node, uint32_t output_nr) {
  std::erase_if(node.output_hooks, [&](const Node::OutputHook& h) {
    return h.retains_grad && h.output_nr == output_nr;
  });
}

void drop_history(AutogradRecord& record) {
  if (record.grad_fn && record.retains_grad) drop_retain_hook(*record.grad_fn, record.output_nr);
  record.grad_fn.reset();
  record.output_nr = 0;
}

// The node may outlive the tensor, so its hook reaches the record through a token that the record
// clears when it goes.
void add_retain_hook(AutogradRecord& record, Node& node, uint32_t output_nr) {
  if (!record.self_token) record.self_token = std::make_shared<AutogradRecord*>(&record);
  const auto store = [token = record.self_token](const Tensor& grad) {
    AutogradRecord* record = *token;
    if (record && grad.defined())
      record->grad = record->grad.defined() ? record->grad.add(grad) : grad.clone();
    return Tensor();
  };
  node.output_hooks.push_back({output_nr, 0, store, true});
}

}  // namespace

void set_grad_fn(const Tensor& tensor, intrusive_ptr<Node> node, uint32_t output_nr) {
  AutogradRecord& record = ensure_record(tensor);
  if (record.retains_grad) {
    if (record.grad_fn) drop_retain_hook(*record.grad_fn, record.output_nr);
    add_retain_hook(record, *node, output_nr);
  }
  record.grad_fn = std::move(node);
  record.output_nr = output_nr;
  record.requires_grad = false;
  tensor.impl().view_version = tensor._version();
}

namespace {

// A stale view's own history no longer tells how it got its values: the base's does.
void renew_view_history(const Tensor& view) {
  const Tensor base = view._base();
  if (base.requires_grad()) {
    EnableGradGuard enable;
    attach_as_strided(base, view);
  } else if (AutogradRecord* record = record_of(view)) {
    drop_history(*record);
  }
}

}  // namespace

bool Tensor::requires_grad() const {
  const AutogradRecord* record = record_of(*this);
  if (record && record->requires_grad) return true;
  if (view_is_stale(*this)) return _base().requires_grad();
  return record && record->grad_fn;
}

intrusive_ptr<Node> Tensor::grad_fn() const {
  if (view_is_stale(*this)) renew_view_history(*this);
  const AutogradRecord* record = record_of(*this);
  return record ? record->grad_fn : nullptr;
}

int64_t Tensor::output_nr() const {
  const AutogradRecord* record = record_of(*this);
  return record ? record->output_nr : 0;
}

bool Tensor::is_leaf() const { return !grad_fn(); }

const Tensor& Tensor::set_requires_grad(bool requires_grad) const {
  if (requires_grad == this->requires_grad()) return *this;
  ENSURE(!requires_grad || is_floating_point(),
         "requires_grad: dtype must be a floating type, got ", dtype());
  ENSURE(is_leaf(), "requires_grad: only a leaf's flag can be changed; use detach()");
  ENSURE(!requires_grad || !is_inference() || InferenceMode::is_enabled(),
         "requires_grad: tensors made in inference mode cannot require grad outside of it");
  ensure_record(*this).requires_grad = requires_grad;
  return *this;
}
const Tensor& Tensor::requires_grad_(bool requires_grad) const {
  return set_requires_grad(requires_grad);
}

const Tensor& Tensor::grad() const {
  static const Tensor undefined;
  const AutogradRecord* record = record_of(*this);
  return record ? record->grad : undefined;
}
Tensor& Tensor::mutable_grad() const { return ensure_record(*this).grad; }

void Tensor::backward(const Tensor& gradient, optional<bool> retain_graph, bool create_graph,
                      optional<TensorList> inputs) const {
  autograd::backward({*this}, {gradient}, retain_graph, create_graph,
                     inputs ? *inputs : TensorList());
}

namespace {
Tensor alias_without_history(const Tensor& t) {
  const TensorImpl& impl = t.impl();
  return Tensor(
      make_intrusive<TensorImpl>(impl.storage, impl.sizes, impl.strides, impl.offset, impl.dtype));
}
}  // namespace

Tensor Tensor::detach() const {
  Tensor result = alias_without_history(*this);
  result.impl().version = impl().version;
  result.impl().inference = impl().inference;
  return result;
}

Tensor& Tensor::detach_() const {
  ENSURE(!is_view(), "detach_: a view cannot be detached in place; use detach()");
  if (AutogradRecord* record = record_of(*this)) {
    drop_history(*record);
    record->requires_grad = record->retains_grad = false;
  }
  return const_cast<Tensor&>(*this);
}

Tensor Tensor::data() const {
  Tensor result = alias_without_history(*this);
  result.impl().version = make_intrusive<VersionCounter>();
  return result;
}

void Tensor::set_data(const Tensor& other) const {
  ENSURE(!requires_grad() || is_floating(other.dtype()),
         "set_data: data must have a floating dtype, got ", other.dtype());
  if (is_same(other)) return;
  TensorImpl& mine = impl();
  const intrusive_ptr<Node> settled = grad_fn();
  // Not the old counter, which is the old memory; a later value, because what was saved has changed.
  const auto version = make_intrusive<VersionCounter>();
  while (version->current() <= _version()) version->bump();
  mine.version = version;
  mine.view_base.reset();
  mine.view_without_grad = false;
  mine.storage = other.storage();
  mine.dtype = other.dtype();
  mine.set_geometry(other.impl().sizes, other.impl().strides, other.impl().offset);
}

void Tensor::retain_grad() const {
  ENSURE(requires_grad(), "retain_grad: tensor must require grad");
  const intrusive_ptr<Node> node = grad_fn();
  AutogradRecord& record = ensure_record(*this);
  if (!node || record.retains_grad) return;
  record.retains_grad = true;
  add_retain_hook(record, *node, record.output_nr);
}
bool Tensor::retains_grad() const {
  const AutogradRecord* record = record_of(*this);
  return record && record->retains_grad;
}

namespace {

// Passes run copies of the hooks; all copies share the state of the caller's function object.
template <class R>
std::function<R(const Tensor&)> shared(std::function<R(const Tensor&)> hook) {
  return [hook = std::make_shared<std::function<R(const Tensor&)>>(std::move(hook))](
             const Tensor& t) { return (*hook)(t); };
}

}  // namespace

unsigned Tensor::register_hook(TensorHook hook) const {
  ENSURE(requires_grad(), "register_hook: tensor must require grad");
  const Edge edge = gradient_edge(*this);
  AutogradRecord& record = ensure_record(*this);
  const unsigned handle = record.next_hook_handle++;
  edge.node->output_hooks.push_back({edge.input_nr, handle, shared(std::move(hook))});
  return handle;
}

void Tensor::remove_hook(unsigned handle) const {
  const Edge edge = gradient_edge(*this);
  const size_t removed =
      !edge.valid() ? 0 : std::erase_if(edge.node->output_hooks, [&](const auto& h) {
        return !h.retains_grad && h.output_nr == edge.input_nr && h.handle == handle;
      });
  ENSURE(removed > 0, "remove_hook: no hook with handle ", handle);
}

unsigned Tensor::register_post_accumulate_grad_hook(std::function<void(const Tensor&)> hook) const {
  ENSURE(requires_grad() && is_leaf(),
         "register_post_accumulate_grad_hook: tensor must be a leaf that requires grad");
  AutogradRecord& record = ensure_record(*this);
  record.post_accumulate_hooks.push_back({record.next_hook_handle, shared(std::move(hook))});
  return record.next_hook_handle++;
}

Edge gradient_edge(const Tensor& tensor) {
  if (!tensor.requires_grad()) return {};
  if (intrusive_ptr<Node> node = tensor.grad_fn())
    return {std::move(node), uint32_t(tensor.output_nr())};
  static std::mutex creation;
  const std::lock_guard lock(creation);
  AutogradRecord& record = ensure_record(tensor);
  if (!record.accumulator)
    record.accumulator = make_intrusive<AccumulateGrad>(tensor.unsafeGetTensorImpl());
  return {record.accumulator, 0};
}

Tensor make_view(const Tensor& base, DimVector sizes, DimVector strides, int64_t offset) {
  const TensorImpl& impl = base.impl();
  Tensor view(make_intrusive<TensorImpl>(impl.storage, std::move(sizes), std::move(strides), offset,
                                         impl.dtype));
  view.impl().version = impl.version;
  view.impl().inference = impl.inference;
  view.impl().view_base = impl.view_base ? impl.view_base : base.impl_ptr();
  view.impl().view_version = view._version();
  view.impl().view_without_grad = impl.view_without_grad || !GradMode::is_enabled();
  return view;
}

Tensor untracked_alias(const Tensor& tensor) {
  NoGradGuard guard;
  return alias(tensor);
}

void check_inplace(const Tensor& self, const char* op) { check_inplace(self, op, false); }

void check_inplace(const Tensor& self, const char* op, bool operand_requires_grad) {
  ENSURE(!has_internal_overlap(self), op, ": several elements of the written tensor (sizes ",
         self.sizes(), ", strides ", self.strides(),
         ") share one memory location; clone() it first");
  if (!GradMode::is_enabled()) return;
  if (!self.is_view()) {
    ENSURE(!self.requires_grad() || !self.is_leaf(), op,
           ": a leaf tensor that requires grad may not be changed in place");
    return;
  }
  const Tensor base = self._base();
  const bool tracked = base.requires_grad() || self.requires_grad();
  if (!tracked && !(operand_requires_grad && self.is_floating_point())) return;
  ENSURE(!self.impl().view_without_grad, op,
         ": a view made while grad mode was off may not be changed in place with grad mode on");
  ENSURE(!tracked || !base.is_leaf(), op,
         ": a view of a leaf tensor that requires grad may not be changed in place");
}

namespace {

/// An in-place op on a view, seen from the base: the slice's gradient goes through the op, the rest
/// passes unchanged.
struct CopySlices : Node {
  intrusive_ptr<Node> op;
  DimVector sizes, strides;
  int64_t offset = 0;
  DimVector base_sizes, base_strides;
  int64_t base_offset = 0;

  std::string name() const override { return "CopySlices(" + op->name() + ")"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override {
    // A copy with the base's own geometry, in which the view's strides mean what they meant.
    const Tensor grad = empty_strided(base_sizes, base_strides, grads[0].options());
    grad.copy_(grads[0]);
    const Tensor slice = as_strided(grad, sizes, strides, offset - base_offset);
    std::vector<Tensor> results = op->backward({slice.clone()});
    const Tensor to_self = results.empty() ? Tensor() : results[0];
    if (needs(0)) {
      if (to_self.defined())
        slice.copy_(to_self);
      else
        slice.zero_();
    }
    if (results.empty()) results.resize(1);
    results[0] = grad;
    return results;
  }
  void release_extra() override { op->release(); }
};

void rebase_view(const Tensor& self, const intrusive_ptr<Node>& op) {
  const Tensor base = self._base();
  auto node = make_intrusive<CopySlices>();
  node->op = op;
  node->sizes = self.impl().sizes;
  node->strides = self.impl().strides;
  node->offset = self.storage_offset();
  node->base_sizes = base.impl().sizes;
  node->base_strides = base.impl().strides;
  node->base_offset = base.storage_offset();
  node->add_edge(base);
  const std::vector<Edge>& inputs = op->next_edges();
  for (size_t i = 1; i < inputs.size(); ++i) node->mutable_next_edges().push_back(inputs[i]);
  op->add_output_info(self);
  set_grad_fn(base, node, node->add_output_info(base));
  // Now, because the base may lose its history (detach_) before anybody asks for the view's.
  renew_view_history(self);
}

}  // namespace

void finish_inplace(const Tensor& self, const intrusive_ptr<Node>& node) {
  self.impl().version->bump();
  detail::note_write(self);
  if (!node || !self.is_floating_point()) return;
  if (self.is_view() && !self.impl().view_without_grad)
    rebase_view(self, node);
  else
    set_grad_fn(self, node, node->add_output_info(self));
}

}  // namespace fg
