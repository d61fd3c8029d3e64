// Convolutions on cuDNN. One plan per problem (cuda/cudnn/conv_problem.h), found once and kept: by cuDNN's
// heuristics, or by measuring with globalContext().setBenchmarkCuDNN(true). 16-bit types are summed in float.
//
// Bytes: the plan's own. A bias is added by the convolution's own kernel where cuDNN can, which is the forward
// direction; otherwise by a pass of its own over the output. Workspace comes from the caching allocator.
// Deterministic unless globalContext().setDeterministicCuDNN(false).

#include "tensor/kernels/conv.h"

#include "cuda/cudnn/conv_graph.h"
#include "cuda/cudnn/plan_search.h"
#include "tensor/factories.h"
#include "tensor/kernels/binary_ops.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/fill.h"

namespace fg::cuda {
namespace {

using namespace cudnn;

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

/// False where cuDNN has nothing for the problem with its bias.
bool run(const Convolution& convolution) {
  const Session session;
  const ConvProblem& problem = convolution.problem;
  const auto plans = [&](bool measured) -> ConvPlans& { return session.conv_plans(measured); };
  const auto launch = [&](const Plan& plan) { convolution.run(session, plan); };
  return run_planned(session, problem, plans, launch, [&](bool measured) {
    PlanSearch search(session, problem, launch);
    const PlanPointer plan = search.find(conv_graph(problem, session.target()), measured);
    ENSURE(plan || problem.has_bias, "convolution: cuDNN must have an engine for ", problem.type,
           " input ", IntArrayRef(problem.input().dims), ", weight ",
           IntArrayRef(problem.weight().dims), ", output ", IntArrayRef(problem.output().dims),
           problem.channels_last ? " (channels last)" : "", ", got none",
           search.reason().empty() ? "" : ": ", search.reason());
    return plan;
  });
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
