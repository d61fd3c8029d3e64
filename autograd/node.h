// Node: one entry of the tape. Saved tensors, edges, and how an op records itself.
//
// autograd/ is the tape: nodes and edges (node.h), the record that hangs off each tensor (record.h),
// the engine that walks the graph backward (engine.h), grad modes, custom functions, gradient
// checking, checkpointing and anomaly mode. autograd/ops/ holds the public differentiable ops,
// autograd/fused/ the registry of fused ops.
//
// An op does, in this order: check, allocate, run, record:
//
//   Tensor layer_norm(const Tensor& x, const Tensor& weight, ...) {
//     ENSURE(...);                                              // check
//     auto node = make_node<LayerNormBackward>(x, weight);      // null if nothing needs a gradient
//     Tensor y = empty_like(x), mean, rstd; ...                 // allocate (statistics only if node)
//     ON_DEVICE(x, layer_norm_forward, y, ...);                 // run
//     if (node) { node->x.save(x); ...; node->attach(y); }      // record
//     return y;
//   }
#pragma once

#include <string>

#include "autograd/grad_mode.h"
#include "autograd/streams.h"
#include "tensor/tensor.h"

namespace fg {

class Node;

/// Points at one input slot of a node: where a gradient flows.
struct Edge {
  intrusive_ptr<Node> node;
  uint32_t input_nr = 0;
  bool valid() const { return bool(node); }
};

/// A tensor kept for the backward pass. Registers itself with its node, which frees it after the
/// backward pass; unpacking checks that the tensor was not changed in place meanwhile.
class Saved {
 public:
  explicit Saved(Node* owner);
  Saved(const Saved&) = delete;
  Saved& operator=(const Saved&) = delete;

  /// Keeps `tensor` (may be undefined); an output of the owner only after attach().
  void save(const Tensor& tensor);
  /// Keeps an output without its history, so that no cycle arises; unpack() restores the history.
  /// In-place ops call it after finish_inplace, because that bumps the version.
  void save_output(const Tensor& tensor, uint32_t output_nr = 0);
  /// The tensor as it was saved, with its history. Throws after an in-place change or a release.
  Tensor unpack() const;
  bool defined() const { return tensor_.defined(); }
  void reset();

 private:
  friend class Node;
  Node* owner_;
  Tensor tensor_;
  uint32_t version_ = 0;
  optional<uint32_t> output_nr_;  // set when the tensor is an output of the owner
};

/// Geometry of one forward output, against which the engine checks the gradient that arrives.
struct OutputInfo {
  DimVector sizes;
  ScalarType dtype = kFloat;
  Device device = kCPU;
};

class Node : public RefCounted {
 public:
  Node();
  ~Node() override;

  /// Name of the op with "Backward" behind it, such as "LayerNormBackward".
  virtual std::string name() const = 0;
  /// Maps the gradients of the forward outputs (undefined where none arrived) to gradients of the
  /// forward inputs, one per edge; entries without needs() may stay undefined. Must not write into
  /// `grads`. Gradients may have any shape that the input broadcasts to: the engine reduces them.
  virtual std::vector<Tensor> backward(const std::vector<Tensor>& grads) = 0;
  /// Frees what the node keeps besides its Saved members.
  virtual void release_extra() {}

  /// Whether the gradient of forward input `i` is wanted.
  bool needs(size_t i) const { return i < edges_.size() && edges_[i].valid() && !masked(i); }
  /// Limits needs() to the marked inputs for the current pass; an empty list lifts the limit. Returns
  /// the limit that was in force.
  std::vector<bool> restrict_to(std::vector<bool> wanted) {
    return std::exchange(wanted_, std::move(wanted));
  }
  /// Frees all saved tensors; a later backward through this node is an error.
  void release();
  bool released() const { return released_; }
  /// What is kept for the backward pass, to be looked at only: an output among it has no history.
  std::vector<Tensor> saved_tensors() const;

  /// Makes `output` an output of this node: it gets this grad_fn. Returns its output number.
  uint32_t attach(const Tensor& output);
  /// Adds an output that needs no gradient, so that later outputs keep their numbers.
  void skip_output() { outputs_.emplace_back(); }

  const std::vector<Edge>& next_edges() const { return edges_; }
  std::vector<Edge>& mutable_next_edges() { return edges_; }
  void add_edge(const Tensor& input);
  const std::vector<OutputInfo>& outputs() const { return outputs_; }
  uint32_t add_output_info(const Tensor& output);
  uint64_t sequence_nr() const { return sequence_nr_; }
  /// Where the forward op ran; backward runs there too.
  const NodeStream& stream() const { return stream_; }

  using PreHook = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
  using PostHook = std::function<std::vector<Tensor>(const std::vector<Tensor>& grad_inputs,
                                                     const std::vector<Tensor>& grad_outputs)>;
  /// Hooks on one output's gradient, in order of registration; an empty slot was removed.
  struct OutputHook {
    uint32_t output_nr;
    unsigned handle;
    TensorHook hook;
    bool retains_grad = false;
  };
  std::vector<OutputHook> output_hooks;
  std::vector<PreHook> pre_hooks;
  std::vector<PostHook> post_hooks;

  /// Path of the modules that the forward op ran in; filled in anomaly mode.
  std::string forward_context;
  /// " (recorded in module net.0)" for error messages, or nothing.
  std::string context() const;

 protected:
  void destroy() noexcept override;
  /// Leaf accumulators run as soon as they can.
  void set_sequence_nr(uint64_t value) { sequence_nr_ = value; }

 private:
  friend class Saved;
  bool masked(size_t i) const { return !wanted_.empty() && !wanted_[i]; }

  std::vector<Edge> edges_;
  std::vector<OutputInfo> outputs_;
  NodeStream stream_;
  std::vector<Saved*> saved_;
  std::vector<bool> wanted_;
  uint64_t sequence_nr_;
  bool released_ = false;
  Node* next_to_delete_ = nullptr;
};

/// The edge along which a gradient for `tensor` flows; invalid if it needs none.
Edge gradient_edge(const Tensor& tensor);

namespace detail {
inline bool any_requires_grad(const Tensor& t) { return t.defined() && t.requires_grad(); }
inline bool any_requires_grad(const optional<Tensor>& t) { return t && any_requires_grad(*t); }
bool any_requires_grad(TensorList list);
inline bool any_requires_grad(const std::vector<Tensor>& v) {
  return any_requires_grad(TensorList(v));
}
inline void add_edges(Node& node, const Tensor& t) { node.add_edge(t); }
inline void add_edges(Node& node, const optional<Tensor>& t) {
  node.add_edge(t.value_or(Tensor()));
}
inline void add_edges(Node& node, TensorList list) {
  for (const Tensor& t : list) node.add_edge(t);
}
inline void add_edges(Node& node, const std::vector<Tensor>& v) { add_edges(node, TensorList(v)); }
}  // namespace detail

/// Whether an op over these inputs (tensors, optional tensors, lists) has to be recorded.
template <class... Inputs>
bool needs_recording(const Inputs&... inputs) {
  return GradMode::is_enabled() && (detail::any_requires_grad(inputs) || ...);
}

/// A node with one edge per input, in order, or null when nothing has to be recorded.
template <class N, class... Inputs>
intrusive_ptr<N> make_node(const Inputs&... inputs) {
  if (!needs_recording(inputs...)) return nullptr;
  auto node = make_intrusive<N>();
  (detail::add_edges(*node, inputs), ...);
  return node;
}

/// Refuses an in-place op where it would break the tape: leaves that require grad, views of them,
/// views made under no-grad, tensors whose elements overlap.
void check_inplace(const Tensor& self, const char* op);
/// After an in-place op has written `self`: bumps the version, and if `node` is set makes it the new
/// grad_fn of `self` (and, for a view, of its base).
void finish_inplace(const Tensor& self, const intrusive_ptr<Node>& node);
/// A view of `base`'s storage; call node->attach on the result. Tracks the base for in-place ops.
Tensor make_view(const Tensor& base, DimVector sizes, DimVector strides, int64_t offset);

}  // namespace fg
