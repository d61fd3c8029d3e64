// Where the tape ends: a leaf takes its gradient.
#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/record.h"
#include "tensor/factories.h"

namespace fg {

AccumulateGrad::AccumulateGrad(TensorImpl* leaf) : leaf_(leaf) {
  set_sequence_nr(kLeafSequenceNr);
  add_output_info(this->leaf());
}

std::vector<Tensor> AccumulateGrad::backward(const std::vector<Tensor>& grads) {
  const std::lock_guard lock(mutex_);
  const Tensor variable = leaf();
  if (!variable.defined()) return {};
  AutogradRecord& record = ensure_record(variable);
  if (!record.requires_grad) return {};  // frozen or detached since
  const Tensor& incoming = grads[0];
  if (!record.grad.defined()) {
    // Stolen only when nobody else can see it; the engine's own slot is the one reference.
    const bool sole = incoming.use_count() == 1 && incoming.storage().use_count() == 2 &&
                      incoming.strides() == variable.strides() && !GradMode::is_enabled();
    if (sole) {
      record.grad = incoming.detach();
    } else if (GradMode::is_enabled()) {
      record.grad = incoming.clone();
    } else {
      record.grad = empty_like(variable);
      record.grad.copy_(incoming);
    }
  } else if (GradMode::is_enabled()) {
    record.grad = record.grad.add(incoming);
  } else {
    record.grad.add_(incoming);
  }
  if (record.post_accumulate_hooks.empty()) return {};
  const std::vector<PostAccumulateHook> hooks = record.post_accumulate_hooks;
  for (const PostAccumulateHook& h : hooks) h.hook(variable);
  return {};
}

}  // namespace fg
