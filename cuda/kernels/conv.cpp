// Convolutions on cuDNN. One plan per problem (cuda/cudnn/conv_problem.h), found once and kept: by cuDNN's
// heuristics, or by measuring with globalContext().setBenchmarkCuDNN(true). 16-bit types are summed in float.
//
// Bytes: the plan's own. A bias is added by the convolution's own kernel where cuDNN can, which is the forward
// direction; otherwise by a pass of its own over the output. Workspace comes from the caching allocator.
// Deterministic unless globalContext().setDeterministicCuDNN(false).

#include "tensor/kernels/conv.h"

#include "cuda/cudnn/choose_plan.h"
#include "cuda/cudnn/conv_graph.h"
#include "cuda/cudnn/session.h"
#include "cuda/event.h"
#include "cuda/precision.h"
#include "cuda/relaxed_capture.h"
#include "tensor/factories.h"
#include "tensor/kernels/binary_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/fill.h"

namespace fg::cuda {
namespace {

using namespace cudnn;
using PlanPointer = std::shared_ptr<const Plan>;

constexpr int kTimedRuns = 3;

/// One convolution: its problem, and its tensors in the order of `ids`.
struct Convolution {
  ConvProblem problem;
  std::array<int64_t, 4> ids{kInputId, kWeightId, kOutputId, kBiasId};
  std::array<void*, 4> pointers{};
  Device device;

  Convolution(ConvDirection direction, const Tensor& input, const Tensor& weight,
              const Tensor& output, const Tensor& bias, const ConvGeometry& geometry)
      : problem(make_conv_problem(direction, input, weight, output, bias, geometry)),
        pointers{input.data_ptr(), weight.data_ptr(), output.data_ptr(),
                 bias.defined() ? bias.data_ptr() : nullptr},
        device(input.device()) {
    problem.allow_tf32 = problem.type == kFloat && globalContext().allowTF32CuDNN();
    problem.deterministic = globalContext().deterministicCuDNN();
  }

  void run(const Session& session, const Plan& plan) const {
    const size_t count = problem.has_bias ? 4 : 3;
    const Tensor workspace = empty({plan.workspace_bytes()}, TensorOptions(kByte).device(device));
    plan.run(session.handle(), std::span(ids).first(count), std::span(pointers).first(count),
             workspace.data_ptr());
  }
};

/// Finds a plan that runs, and has run it when it returns. Null, with the first failure in `reason`, when
/// there is none.
class PlanSearch {
 public:
  PlanSearch(const Session& session, const Convolution& convolution)
      : session_(session), convolution_(convolution) {}

  PlanPointer find(bool measured) {
    const RelaxedCapture relaxed;  // engines load their kernels when first used
    graph_ = conv_graph(convolution_.problem, session_.target());
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
      if (PlanPointer plan = choose(mode, measured)) return plan;
    if (reason_.empty()) reason_ = last_reason();
    return nullptr;
  }
  const std::string& reason() const { return reason_; }

 private:
  PlanPointer choose(cudnnBackendHeurMode_t mode, bool measured) {
    const Target target = session_.target();
    std::vector<Descriptor> engines =
        acceptable_engines(convolution_.problem, *graph_, target, mode);
    const auto build = [&](size_t i) { return Plan::build(graph_, std::move(engines[i]), target); };
    const auto run = [&](const PlanPointer& plan) { return try_run(*plan); };
    if (!measured) return choose_first(engines.size(), build, run);
    const auto time = [&](const PlanPointer& plan) { return measure(*plan); };
    PlanPointer plan = choose_fastest(engines.size(), build, time);
    return plan && try_run(*plan) ? plan : nullptr;
  }

  /// A plan may still want more memory than there is, or be refused at its first launch.
  bool try_run(const Plan& plan) {
    try {
      convolution_.run(session_, plan);
      return true;
    } catch (const Error& error) {
      if (reason_.empty()) reason_ = error.what();
      return false;
    }
  }

  std::optional<float> measure(const Plan& plan) {
    if (!try_run(plan)) return std::nullopt;
    Event start(true), stop(true);
    start.record(session_.stream());
    for (int i = 0; i < kTimedRuns; ++i) convolution_.run(session_, plan);
    stop.record(session_.stream());
    stop.synchronize();
    return start.elapsed_time(stop);
  }

  const Session& session_;
  const Convolution& convolution_;
  std::shared_ptr<const OperationGraph> graph_;
  std::string reason_;
};

/// Finds a plan, which has run then, and keeps it. False where cuDNN has nothing for the problem with its bias.
bool run_first_time(const Session& session, const Convolution& convolution, bool measured) {
  const ConvProblem& problem = convolution.problem;
  PlanSearch search(session, convolution);
  const PlanPointer plan = search.find(measured);
  ENSURE(plan || problem.has_bias, "convolution: cuDNN must have an engine for ", problem.type,
         " input ", IntArrayRef(problem.input().dims), ", weight ",
         IntArrayRef(problem.weight().dims), ", output ", IntArrayRef(problem.output().dims),
         problem.channels_last ? " (channels last)" : "", ", got none",
         search.reason().empty() ? "" : ": ", search.reason());
  session.conv_plans(measured).insert(problem, plan);
  return bool(plan);
}

bool run(const Convolution& convolution) {
  const Session session;
  for (const bool measured : {true, false}) {
    if (measured && !globalContext().benchmarkCuDNN()) continue;
    if (const auto known = session.conv_plans(measured).find(convolution.problem)) {
      if (*known) convolution.run(session, **known);
      return bool(*known);
    }
    // A capture allows no measuring: there the heuristics choose, until the next call outside.
    if (measured && session.stream().is_capturing()) continue;
    return run_first_time(session, convolution, measured);
  }
  return false;
}

/// y += bias over the channels.
void add_bias(const Tensor& y, const Tensor& bias) {
  DimVector strides(size_t(y.dim()), 0);
  strides[1] = bias.stride(0);
  const Tensor expanded = from_blob(bias.data_ptr(), y.sizes(), strides, bias.options());
  binary_forward(y, y, expanded, functors::Add{});
}

}  // namespace

void conv_forward(const Tensor& output, const Tensor& input, const Tensor& weight,
                  const Tensor& bias, const ConvGeometry& geometry) {
  if (output.numel() == 0) return;
  const auto direction = ConvDirection::Forward;
  if (run(Convolution(direction, input, weight, output, bias, geometry))) return;
  run(Convolution(direction, input, weight, output, {}, geometry));
  add_bias(output, bias);
}

void conv_input_grad(const Tensor& grad_input, const Tensor& grad_output, const Tensor& weight,
                     const Tensor& bias, const ConvGeometry& geometry) {
  if (grad_input.numel() == 0) return;
  run(Convolution(ConvDirection::InputGrad, grad_input, weight, grad_output, {}, geometry));
  if (bias.defined()) add_bias(grad_input, bias);
}

void conv_weight_grad(const Tensor& grad_weight, const Tensor& grad_output, const Tensor& input,
                      const ConvGeometry& geometry) {
  if (input.numel() == 0) return fill(grad_weight, 0);
  run(Convolution(ConvDirection::WeightGrad, input, grad_weight, grad_output, {}, geometry));
}

}  // namespace fg::cuda
