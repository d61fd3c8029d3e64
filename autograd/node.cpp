#include "autograd/node.h"

#include <atomic>
#include <limits>

#include "autograd/anomaly.h"
#include "autograd/module_scope.h"
#include "autograd/record.h"
#include "tensor/inference_flag.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

thread_local bool grad_mode_enabled = true;
std::atomic<uint64_t> next_sequence_nr{0};

// Nodes whose count reached zero while another node is being deleted; linked through the nodes
// themselves, so that a chain of any length is deleted without recursion and without allocation.
thread_local Node* deletion_queue = nullptr;
thread_local bool deleting = false;

}  // namespace

bool GradMode::is_enabled() { return grad_mode_enabled; }
void GradMode::set_enabled(bool enabled) { grad_mode_enabled = enabled; }

InferenceMode::InferenceMode(bool enabled)
    : grad_mode_(GradMode::is_enabled() && !enabled), previous_(detail::inference_mode) {
  detail::inference_mode = enabled;
}
InferenceMode::~InferenceMode() { detail::inference_mode = previous_; }
bool InferenceMode::is_enabled() { return detail::inference_mode; }

Node::Node() : sequence_nr_(next_sequence_nr++) {
  if (AnomalyMode::is_enabled()) forward_context = ModuleScope::path();
}

Node::~Node() = default;

std::string Node::context() const {
  return forward_context.empty() ? "" : " (recorded in module " + forward_context + ")";
}

void Node::destroy() noexcept {
  next_to_delete_ = deletion_queue;
  deletion_queue = this;
  if (deleting) return;
  deleting = true;
  while (Node* node = deletion_queue) {
    deletion_queue = node->next_to_delete_;
    delete node;
  }
  deleting = false;
}

void Node::release() {
  for (Saved* saved : saved_) saved->reset();
  release_extra();
  released_ = true;
}

std::vector<Tensor> Node::saved_tensors() const {
  std::vector<Tensor> tensors;
  for (const Saved* saved : saved_)
    if (saved->defined()) tensors.push_back(saved->tensor_);
  return tensors;
}

void Node::add_edge(const Tensor& input) {
  if (input.defined())
    ENSURE(!input.is_inference() || !input.is_floating_point(), name(),
           ": tensors made in inference mode may not take part in a recorded op");
  edges_.push_back(input.defined() ? gradient_edge(input) : Edge());
  // A view's history may have been renewed just now: inputs stay older than their node.
  const Node* const from = edges_.back().node.get();
  if (from && from->sequence_nr_ != kLeafSequenceNr && from->sequence_nr_ > sequence_nr_)
    sequence_nr_ = next_sequence_nr++;
}

uint32_t Node::add_output_info(const Tensor& output) {
  // A leaf takes its gradient where backward is called: the stream of its first use may be another one by then, or
  // one that a capture must not touch.
  if (output.is_cuda() && sequence_nr_ != kLeafSequenceNr)
    stream_ = current_node_stream(output.device());
  if (profiler::is_active() && sequence_nr_ != kLeafSequenceNr)
    profiler::detail::link_node(sequence_nr_);
  outputs_.push_back(
      {DimVector(output.sizes().begin(), output.sizes().end()), output.dtype(), output.device()});
  return uint32_t(outputs_.size() - 1);
}

uint32_t Node::attach(const Tensor& output) {
  const uint32_t output_nr = add_output_info(output);
  if (is_floating(output.dtype())) set_grad_fn(output, intrusive_ptr<Node>(this), output_nr);
  return output_nr;
}

Saved::Saved(Node* owner) : owner_(owner) { owner->saved_.push_back(this); }

// The version of a tensor that was kept and has been freed; no counter gets there.
constexpr uint32_t kFreed = std::numeric_limits<uint32_t>::max();

void Saved::reset() {
  if (tensor_.defined()) version_ = kFreed;
  tensor_.reset();
}

void Saved::save(const Tensor& tensor) {
  if (!tensor.defined()) return;
  const AutogradRecord* record = record_of(tensor);
  if (record && record->grad_fn.get() == owner_) return save_output(tensor, record->output_nr);
  tensor_ = tensor;
  version_ = tensor._version();
}

void Saved::save_output(const Tensor& tensor, uint32_t output_nr) {
  tensor_ = tensor.detach();
  version_ = tensor._version();
  output_nr_ = output_nr;
}

Tensor Saved::unpack() const {
  ENSURE(version_ != kFreed, "backward: the saved tensors of ", owner_->name(),
         " were freed by an earlier backward; pass retain_graph=true to the first one");
  if (!tensor_.defined()) return tensor_;  // nothing was kept, so nothing is missed
  ENSURE(tensor_._version() == version_, "backward: a tensor of shape ", tensor_.sizes(),
         " saved by ", owner_->name(), " was changed in place: it is at version ",
         tensor_._version(), ", expected version ", version_, owner_->context());
  if (!output_nr_) return tensor_;
  // A fresh alias that carries the history again. The saved one must not: it would keep its own
  // node alive.
  const Tensor output = tensor_.detach();
  set_grad_fn(output, intrusive_ptr<Node>(owner_), *output_nr_);
  return output;
}

bool detail::any_requires_grad(TensorList list) {
  return std::any_of(list.begin(), list.end(),
                     [](const Tensor& t) { return any_requires_grad(t); });
}

}  // namespace fg
