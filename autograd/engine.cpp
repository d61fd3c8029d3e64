#include "autograd/engine.h"

#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "autograd/anomaly.h"
#include "autograd/autocast_call.h"
#include "autograd/ops/copy.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/reduce.h"
#include "autograd/record.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

thread_local const Engine::Options* pass_options = nullptr;
thread_local bool collecting = false;
thread_local bool anomaly_enabled = false;
thread_local bool anomaly_checks_nan = true;

/// What the pass knows of one node.
struct Task {
  int dependencies = 0;
  bool needed = true;   // leads to a target
  bool queued = false;  // roots may name a node more than once
  std::vector<Tensor> grads;
  std::vector<bool> owned;  // grads[i] is a sum that this pass made, so it may be added to in place
  std::vector<std::pair<uint32_t, size_t>> captures;  // (output number, index of the target)
};

struct LaterFirst {
  bool operator()(const Node* a, const Node* b) const {
    return a->sequence_nr() < b->sequence_nr();
  }
};

class Pass {
 public:
  Pass(const Engine::Options& options, const std::vector<Edge>& targets)
      : options_(options), targets_(targets), captured_(targets.size()) {
    const auto is_leaf = [](const Edge& e) { return e.node->sequence_nr() == kLeafSequenceNr; };
    if (targets.empty() || std::any_of(targets.begin(), targets.end(), is_leaf)) return;
    oldest_target_ = kLeafSequenceNr;
    for (const Edge& target : targets)
      oldest_target_ = std::min(oldest_target_, target.node->sequence_nr());
  }
  ~Pass() {
    for (auto& [node, previous] : restricted_) node->restrict_to(std::move(previous));
  }

  std::vector<Tensor> run(const std::vector<Edge>& roots, const std::vector<Tensor>& grads) {
    count_dependencies(roots);
    if (!targets_.empty()) mark_needed(roots);
    for (size_t i = 0; i < roots.size(); ++i) deliver(roots[i], grads[i], NodeStream());
    for (const Edge& root : roots) {
      Task& task = tasks_.at(root.node.get());
      if (task.dependencies == 0 && !std::exchange(task.queued, true)) ready_.push(root.node.get());
    }
    while (!ready_.empty()) {
      // The graph keeps the node alive: its consumer's edge, or the roots.
      const intrusive_ptr<Node> node(ready_.top());
      ready_.pop();
      evaluate(*node);
    }
    return std::move(captured_);
  }

 private:
  // A node's inputs are older than the node, so what is older than every target cannot lead to one: a
  // pass between two recent points does not walk the history behind them. Leaves have no age.
  bool ends_at(const Edge& edge) const {
    if (!edge.valid()) return true;
    const uint64_t age = edge.node->sequence_nr();
    return oldest_target_ > 0 && (age < oldest_target_ || age == kLeafSequenceNr);
  }

  void count_dependencies(const std::vector<Edge>& roots) {
    std::vector<Node*> stack;
    for (const Edge& root : roots)
      if (tasks_.try_emplace(root.node.get()).second) stack.push_back(root.node.get());
    while (!stack.empty()) {
      Node* const node = stack.back();
      stack.pop_back();
      for (const Edge& edge : node->next_edges()) {
        if (ends_at(edge)) continue;
        const auto [entry, added] = tasks_.try_emplace(edge.node.get());
        ++entry->second.dependencies;
        if (added) stack.push_back(edge.node.get());
      }
    }
  }

  // Post-order over the graph with an explicit stack: a node is needed when it captures a target or
  // feeds a needed node.
  void mark_needed(const std::vector<Edge>& roots) {
    for (auto& [node, task] : tasks_) task.needed = false;
    for (size_t i = 0; i < targets_.size(); ++i) {
      const auto found = tasks_.find(targets_[i].node.get());
      if (found != tasks_.end()) found->second.captures.push_back({targets_[i].input_nr, i});
    }
    std::unordered_map<Node*, bool> visited;
    std::vector<std::pair<Node*, size_t>> stack;
    for (const Edge& root : roots)
      if (visited.try_emplace(root.node.get(), true).second) stack.push_back({root.node.get(), 0});
    while (!stack.empty()) {
      Node* const node = stack.back().first;
      const std::vector<Edge>& edges = node->next_edges();
      if (size_t& at = stack.back().second; at < edges.size()) {
        const Edge& edge = edges[at++];
        Node* const next = ends_at(edge) ? nullptr : edge.node.get();
        if (next && visited.try_emplace(next, true).second) stack.push_back({next, 0});
        continue;
      }
      stack.pop_back();
      std::vector<bool> wanted;
      for (const Edge& edge : edges) {
        const Task* task = ends_at(edge) ? nullptr : &tasks_.at(edge.node.get());
        const bool leads = task && (task->needed || !task->captures.empty());
        wanted.push_back(leads);
        if (leads) tasks_[node].needed = true;
      }
      restricted_.emplace_back(node, node->restrict_to(std::move(wanted)));
    }
  }

  // Adds one gradient, made on stream `from`, to the node's slot. Never writes into a tensor that came from
  // outside.
  void deliver(const Edge& edge, const Tensor& grad, const NodeStream& from) {
    Task& task = tasks_.at(edge.node.get());
    const size_t slots = std::max<size_t>(edge.node->outputs().size(), 1);
    task.grads.resize(slots);
    task.owned.resize(slots);
    Tensor& slot = task.grads[edge.input_nr];
    if (!grad.defined()) return;
    hand_over(grad, from, edge.node->stream());
    if (!slot.defined()) {
      slot = grad;
      return;
    }
    const NodeStreamGuard guard(edge.node->stream());
    if (task.owned[edge.input_nr] && !GradMode::is_enabled()) {
      slot.add_(grad);
    } else {
      slot = slot.add(grad);
      task.owned[edge.input_nr] = true;
    }
  }

  void evaluate(Node& node) {
    Task task = std::move(tasks_.at(&node));
    const bool any = std::any_of(task.grads.begin(), task.grads.end(),
                                 [](const Tensor& g) { return g.defined(); });
    std::vector<Tensor> results;
    if (any) {
      const NodeStreamGuard guard(node.stream());
      profiler::detail::Range range;
      if (profiler::is_active())
        range.begin(profiler::EventKind::node, node.name(), {task.grads}, number_of(node));
      run_output_hooks(node, task.grads);
      for (const auto& [output_nr, target] : task.captures)
        captured_[target] = task.grads[output_nr];
      if (task.needed) {
        for (const auto& hook : node.pre_hooks) task.grads = hook(task.grads);
        results = call(node, task.grads);
        for (const auto& hook : node.post_hooks) results = hook(results, task.grads);
        check_results(node, results);
      }
    }
    for (const auto& [output_nr, target] : task.captures)
      hand_over(captured_[target], node.stream(), NodeStream());
    task.grads.clear();
    pass_on(node, results);
    if (any && task.needed && !options_.keep_graph) node.release();
  }

  static int64_t number_of(const Node& node) {
    return node.sequence_nr() == kLeafSequenceNr ? -1 : int64_t(node.sequence_nr());
  }

  static void run_output_hooks(Node& node, std::vector<Tensor>& grads) {
    if (node.output_hooks.empty()) return;
    // A copy, because a hook may remove itself or register another one.
    const std::vector<Node::OutputHook> hooks = node.output_hooks;
    for (const bool retaining : {false, true}) {
      for (const Node::OutputHook& h : hooks) {
        if (h.retains_grad != retaining || !grads[h.output_nr].defined()) continue;
        Tensor& grad = grads[h.output_nr];
        if (Tensor replaced = h.hook(grad); replaced.defined()) {
          ENSURE(replaced.sizes() == grad.sizes(),
                 "backward: a hook must return a gradient of shape ", grad.sizes(), ", got ",
                 replaced.sizes());
          ENSURE(replaced.dtype() == grad.dtype(),
                 "backward: a hook must return a gradient of dtype ", grad.dtype(), ", got ",
                 replaced.dtype());
          grad = replaced;
        }
      }
    }
  }

  std::vector<Tensor> call(Node& node, const std::vector<Tensor>& grads) {
    if (!anomaly_enabled) return node.backward(grads);
    try {
      return node.backward(grads);
    } catch (const Error& error) {
      const std::string context = node.context();
      if (context.empty()) throw;
      throw Error(str(error.what(), "; in ", node.name(), context));
    }
  }

  void check_results(const Node& node, std::vector<Tensor>& results) {
    const std::vector<Edge>& edges = node.next_edges();
    ENSURE(results.size() == edges.size(), "backward: ", node.name(), " must return ", edges.size(),
           " gradients (one per input), got ", results.size());
    for (size_t i = 0; i < edges.size(); ++i) {
      if (!edges[i].valid() || !node.needs(i)) {
        results[i].reset();
        continue;
      }
      if (results[i].defined()) fit(node, i, edges[i], results[i]);
    }
  }

  // Of a leaf as it is now: set_data may have changed its shape or dtype.
  static OutputInfo expected_gradient(const Edge& edge) {
    if (edge.node->sequence_nr() == kLeafSequenceNr)
      if (const Tensor leaf = static_cast<const AccumulateGrad&>(*edge.node).leaf(); leaf.defined())
        return {leaf.impl().sizes, leaf.dtype(), leaf.device()};
    return edge.node->outputs()[edge.input_nr];
  }

  // Reduces a broadcast gradient to the input's shape, converts its dtype, refuses what cannot fit.
  void fit(const Node& node, size_t i, const Edge& edge, Tensor& grad) {
    const OutputInfo input = expected_gradient(edge);
    if (grad.sizes() != IntArrayRef(input.sizes)) {
      ENSURE(is_expandable_to(input.sizes, grad.sizes()), "backward: ", node.name(),
             " returned a gradient of shape ", grad.sizes(), " for input ", i, ", whose shape is ",
             input.sizes, node.context());
      grad = sum_to(grad, input.sizes);
    }
    // A CPU number among operands on the GPU.
    if (input.sizes.empty() && grad.device() != input.device)
      grad = grad.to(TensorOptions(input.device));
    ENSURE(grad.device() == input.device, "backward: ", node.name(), " returned a gradient on ",
           grad.device(), " for input ", i, ", which is on ", input.device, node.context());
    ENSURE(is_floating(grad.dtype()), "backward: ", node.name(), " returned a gradient of dtype ",
           grad.dtype(), " for input ", i, ", whose dtype is ", input.dtype, node.context());
    if (grad.dtype() != input.dtype) grad = grad.to(input.dtype);
    if (anomaly_enabled && anomaly_checks_nan) {
      NoGradGuard guard;
      ENSURE(!grad.isnan().any().item<bool>(), "backward: ", node.name(),
             " returned nan in the gradient of input ", i, node.context());
    }
  }

  void pass_on(Node& node, const std::vector<Tensor>& results) {
    const std::vector<Edge>& edges = node.next_edges();
    for (size_t i = 0; i < edges.size(); ++i) {
      if (ends_at(edges[i])) continue;
      Task& task = tasks_.at(edges[i].node.get());
      if (i < results.size() && results[i].defined()) deliver(edges[i], results[i], node.stream());
      if (--task.dependencies == 0) ready_.push(edges[i].node.get());
    }
  }

  Engine::Options options_;
  const std::vector<Edge>& targets_;
  std::vector<Tensor> captured_;
  std::unordered_map<Node*, Task> tasks_;
  std::priority_queue<Node*, std::vector<Node*>, LaterFirst> ready_;
  uint64_t oldest_target_ = 0;  // 0: no limit
  // Nodes with a limit from this pass, and the one they had (of a pass that this one runs inside).
  std::vector<std::pair<Node*, std::vector<bool>>> restricted_;
};

/// What nodes may ask of the pass that runs them: passes nest.
class PassScope {
 public:
  PassScope(const Engine::Options& options, bool collects)
      : options_(std::exchange(pass_options, &options)),
        collects_(std::exchange(collecting, collects)) {}
  ~PassScope() {
    pass_options = options_;
    collecting = collects_;
  }
  PassScope(const PassScope&) = delete;
  PassScope& operator=(const PassScope&) = delete;

 private:
  const Engine::Options* options_;
  bool collects_;
};

}  // namespace

bool AnomalyMode::is_enabled() { return anomaly_enabled; }
bool AnomalyMode::checks_nan() { return anomaly_checks_nan; }
void AnomalyMode::set_enabled(bool enabled, bool check_nan) {
  anomaly_enabled = enabled;
  anomaly_checks_nan = check_nan;
}
DetectAnomalyGuard::DetectAnomalyGuard(bool enabled, bool check_nan)
    : previous_enabled_(anomaly_enabled), previous_check_nan_(anomaly_checks_nan) {
  AnomalyMode::set_enabled(enabled, check_nan);
}
DetectAnomalyGuard::~DetectAnomalyGuard() {
  AnomalyMode::set_enabled(previous_enabled_, previous_check_nan_);
}

std::vector<Tensor> Engine::run(const std::vector<Edge>& roots, const std::vector<Tensor>& grads,
                                const Options& options, const std::vector<Edge>& targets) {
  const AutoGradMode mode(options.create_graph);
  const detail::AutocastOff forward_only;
  const PassScope scope(options, !targets.empty());
  return Pass(options, targets).run(roots, grads);
}

bool Engine::accumulates() { return !collecting; }

bool Engine::is_implicit_one(const Tensor& grad) {
  const auto is_same = [&](const Tensor& one) { return one.is_same(grad); };
  return pass_options && grad._version() == 0 &&
         std::any_of(pass_options->implicit_ones.begin(), pass_options->implicit_ones.end(),
                     is_same);
}

namespace autograd {
namespace {

// Root edges of `outputs` and the gradients that start the pass.
void collect_roots(const char* op, const variable_list& outputs, const variable_list& grads,
                   std::vector<Edge>& roots, std::vector<Tensor>& seeds, Engine::Options& options) {
  ENSURE(!outputs.empty(), op, ": at least one output is needed");
  ENSURE(grads.empty() || grads.size() == outputs.size(), op, ": expected ", outputs.size(),
         " output gradients (one per output), got ", grads.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& output = outputs[i];
    Edge edge = gradient_edge(output);
    ENSURE(edge.valid(), op, ": output ", i, " (shape ", output.sizes(),
           ") must require grad; it does not depend on any tensor that does");
    Tensor seed = i < grads.size() ? grads[i] : Tensor();
    if (!seed.defined()) {
      ENSURE(output.numel() == 1, op,
             ": gradient can be omitted only for a one-element output, got ", "output ", i,
             " of shape ", output.sizes());
      seed = ones_like(output);
      options.implicit_ones.push_back(seed);
    }
    ENSURE(seed.sizes() == output.sizes(), op, ": gradient of output ", i, " must have shape ",
           output.sizes(), ", got ", seed.sizes());
    ENSURE(seed.device() == output.device(), op, ": gradient of output ", i, " must be on ",
           output.device(), ", got ", seed.device());
    roots.push_back(std::move(edge));
    seeds.push_back(seed.dtype() == output.dtype() ? seed : seed.to(output.dtype()));
  }
}

std::vector<Edge> target_edges(const char* op, TensorList inputs) {
  std::vector<Edge> targets;
  for (size_t i = 0; i < inputs.size(); ++i) {
    targets.push_back(gradient_edge(inputs[i]));
    ENSURE(targets.back().valid(), op, ": input ", i, " must require grad");
  }
  return targets;
}

}  // namespace

void backward(const variable_list& tensors, const variable_list& grad_tensors,
              optional<bool> retain_graph, bool create_graph, TensorList inputs) {
  const profiler::RecordOp recorded("backward", tensors);
  std::vector<Edge> roots;
  std::vector<Tensor> seeds;
  Engine::Options options{retain_graph.value_or(create_graph), create_graph};
  collect_roots("backward", tensors, grad_tensors, roots, seeds, options);
  const std::vector<Edge> targets = target_edges("backward", inputs);
  for (const Tensor& input : inputs) input.retain_grad();
  const std::vector<Tensor> captured = Engine::run(roots, seeds, options, targets);
  const AutoGradMode mode(create_graph);
  std::unordered_set<Node*> done;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (captured[i].defined() && inputs[i].is_leaf() && done.insert(targets[i].node.get()).second)
      targets[i].node->backward({captured[i]});
}

variable_list grad(const variable_list& outputs, const variable_list& inputs,
                   const variable_list& grad_outputs, optional<bool> retain_graph,
                   bool create_graph, bool allow_unused) {
  const profiler::RecordOp recorded("grad", outputs);
  ENSURE(!inputs.empty(), "grad: at least one input is needed");
  std::vector<Edge> roots;
  std::vector<Tensor> seeds;
  Engine::Options options{retain_graph.value_or(create_graph), create_graph};
  collect_roots("grad", outputs, grad_outputs, roots, seeds, options);
  std::vector<Tensor> result = Engine::run(roots, seeds, options, target_edges("grad", inputs));
  for (size_t i = 0; i < result.size(); ++i)
    ENSURE(
        result[i].defined() || allow_unused, "grad: input ", i, " (shape ", inputs[i].sizes(),
        ") does not take part in the outputs; pass allow_unused=true to get an undefined gradient");
  return result;
}

}  // namespace autograd
}  // namespace fg
