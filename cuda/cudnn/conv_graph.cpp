#include "cuda/cudnn/conv_graph.h"

#include <algorithm>

namespace fg::cuda::cudnn {
namespace {

constexpr int64_t kVirtualId = 5;

std::span<const int64_t> span_of(const DimVector& values) { return {values.data(), values.size()}; }

/// The type that sums run in: double for double, float otherwise.
cudnnDataType_t compute_data_type(ScalarType type) { return data_type(compute_type(type)); }

Descriptor& add_tensor(OperationGraph& graph, const ConvProblem& problem, int64_t id,
                       const TensorShape& shape) {
  // What lies between the operations is never stored, so it keeps the precision of the sums.
  if (id == kVirtualId)
    return graph.add_tensor({id, compute_data_type(problem.type), shape, TensorKind::Between,
                             element_size(compute_type(problem.type))});
  return graph.add_tensor(
      {id, data_type(problem.type), shape, TensorKind::Stored, problem.alignment});
}

Descriptor& add_convolution(OperationGraph& graph, const ConvProblem& problem) {
  Descriptor& convolution = graph.add(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const DimVector stride = problem.stride(), dilation = problem.dilation();
  const DimVector padding = problem.padding();
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, compute_data_type(problem.type));
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t(problem.spatial_dims));
  convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, span_of(stride));
  convolution.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, span_of(dilation));
  convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, span_of(padding));
  convolution.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, span_of(padding));
  convolution.finalize();
  return convolution;
}

/// How the three operations name their parts.
struct OperationNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t convolution, input, weight, output, alpha, beta;
};

OperationNames names_of(ConvDirection direction) {
  switch (direction) {
    case ConvDirection::Forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvDirection::InputGrad:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    default:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
}

Descriptor& add_convolution_operation(OperationGraph& graph, const ConvProblem& problem,
                                      const Descriptor& input, const Descriptor& weight,
                                      const Descriptor& output) {
  const Descriptor& convolution = add_convolution(graph, problem);
  const OperationNames names = names_of(problem.direction);
  Descriptor& operation = graph.add(names.type);
  operation.set(names.convolution, convolution);
  operation.set(names.input, input);
  operation.set(names.weight, weight);
  operation.set(names.output, output);
  if (problem.type == kDouble) {
    operation.set(names.alpha, 1.0);
    operation.set(names.beta, 0.0);
  } else {
    operation.set(names.alpha, 1.0f);
    operation.set(names.beta, 0.0f);
  }
  operation.finalize();
  return operation;
}

/// target = source + bias.
Descriptor& add_bias_operation(OperationGraph& graph, const ConvProblem& problem,
                               const Descriptor& source, const Descriptor& target) {
  const Descriptor& bias = add_tensor(graph, problem, kBiasId, problem.bias());
  return graph.add_pointwise(
      {CUDNN_POINTWISE_ADD, compute_data_type(problem.type), &target, &source, &bias});
}

}  // namespace

std::shared_ptr<const OperationGraph> conv_graph(const ConvProblem& problem, const Target& target) {
  auto graph = std::make_shared<OperationGraph>();
  graph->parts.reserve(9);  // references into it are held below
  const Descriptor* input = &add_tensor(*graph, problem, kInputId, problem.input());
  const Descriptor* weight = &add_tensor(*graph, problem, kWeightId, problem.weight());
  const Descriptor* output = &add_tensor(*graph, problem, kOutputId, problem.output());
  if (!problem.has_bias) {
    const Descriptor& operation =
        add_convolution_operation(*graph, problem, *input, *weight, *output);
    const cudnnBackendDescriptor_t operations[] = {operation.native()};
    graph->finish(target, operations);
    return graph;
  }
  const bool onto_input = problem.direction == ConvDirection::InputGrad;
  const Descriptor& sum =
      add_tensor(*graph, problem, kVirtualId, onto_input ? problem.input() : problem.output());
  const Descriptor* biased = std::exchange(onto_input ? input : output, &sum);
  const Descriptor& convolution =
      add_convolution_operation(*graph, problem, *input, *weight, *output);
  const Descriptor& addition = add_bias_operation(*graph, problem, sum, *biased);
  const cudnnBackendDescriptor_t operations[] = {convolution.native(), addition.native()};
  graph->finish(target, operations);
  return graph;
}

bool is_acceptable(const ConvProblem& problem, std::span<const cudnnBackendNumericalNote_t> notes) {
  const auto has = [&](cudnnBackendNumericalNote_t note) {
    return std::find(notes.begin(), notes.end(), note) != notes.end();
  };
  if (problem.deterministic && has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) return false;
  // Rounding float to 16 bits on the way in, or adding in them, is nobody's TF32.
  if (has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) return false;
  // Winograd's transforms round to the input's type on their way.
  if (is_reduced_floating(problem.type) && has(CUDNN_NUMERICAL_NOTE_WINOGRAD)) return false;
  if (problem.type != kFloat) return true;
  if (has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)) return false;
  // On float, tensor cores are TF32.
  return problem.allow_tf32 || !has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
}

std::vector<Descriptor> acceptable_engines(const ConvProblem& problem, const OperationGraph& graph,
                                           const Target& target, cudnnBackendHeurMode_t mode) {
  std::vector<Descriptor> engines = engine_configs(graph, target, mode);
  std::erase_if(engines, [&](const Descriptor& config) {
    return !is_acceptable(problem, numerical_notes(config));
  });
  return engines;
}

}  // namespace fg::cuda::cudnn
