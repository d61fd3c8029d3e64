// AutogradRecord: what the tape knows of one tensor. Internal to autograd/.
#pragma once

#include <mutex>

#include "autograd/cast_cache.h"
#include "autograd/node.h"

namespace fg {

/// The sequence number of all leaf accumulators: they run as soon as they can.
inline constexpr uint64_t kLeafSequenceNr = std::numeric_limits<uint64_t>::max();

/// The node that ends the tape at a leaf: adds the gradient into the leaf's grad. Owned by the leaf's
/// record; does not keep the leaf alive.
class AccumulateGrad : public Node {
 public:
  explicit AccumulateGrad(TensorImpl* leaf);
  std::string name() const override { return "AccumulateGrad"; }
  std::vector<Tensor> backward(const std::vector<Tensor>& grads) override;
  /// The leaf, or an undefined tensor once it is gone.
  Tensor leaf() const { return leaf_ ? Tensor(intrusive_ptr<TensorImpl>(leaf_)) : Tensor(); }
  void forget_leaf() { leaf_ = nullptr; }

 private:
  TensorImpl* leaf_;
  std::recursive_mutex mutex_;  // a hook may run another backward pass into the same leaf
};

struct PostAccumulateHook {
  unsigned handle;
  std::function<void(const Tensor&)> hook;
};

struct AutogradRecord : AutogradRecordBase {
  bool requires_grad = false;  // of a leaf
  bool retains_grad = false;
  uint32_t output_nr = 0;
  unsigned next_hook_handle = 0;
  intrusive_ptr<Node> grad_fn;
  intrusive_ptr<AccumulateGrad> accumulator;
  Tensor grad;
  std::vector<PostAccumulateHook> post_accumulate_hooks;
  std::unique_ptr<detail::KeptCast> cast;

  /// Points back here for hooks that may outlive the tensor; null once it is gone.
  std::shared_ptr<AutogradRecord*> self_token;

  ~AutogradRecord() override {
    if (self_token) *self_token = nullptr;
    if (accumulator) accumulator->forget_leaf();
  }
};

/// The tensor's record, or null.
inline AutogradRecord* record_of(const Tensor& tensor) {
  return static_cast<AutogradRecord*>(tensor.impl().autograd.get());
}
/// The tensor's record, made when missing.
AutogradRecord& ensure_record(const Tensor& tensor);
/// Points `tensor` at `node` as its grad_fn.
void set_grad_fn(const Tensor& tensor, intrusive_ptr<Node> node, uint32_t output_nr);
/// The same elements without the history, to be attached to another node. Not detach(): changing
/// this one in place would change `tensor` behind its history's back, and is refused.
Tensor untracked_alias(const Tensor& tensor);
/// check_inplace for an op whose other operands may require grad though `self` does not.
void check_inplace(const Tensor& self, const char* op, bool operand_requires_grad);

}  // namespace fg
