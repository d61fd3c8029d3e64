#include "cuda/cudnn/graph.h"

namespace fg::cuda::cudnn {

cudnnDataType_t data_type(ScalarType type) {
  switch (type) {
    case kFloat:
      return CUDNN_DATA_FLOAT;
    case kDouble:
      return CUDNN_DATA_DOUBLE;
    case kHalf:
      return CUDNN_DATA_HALF;
    case kBFloat16:
      return CUDNN_DATA_BFLOAT16;
    default:
      ::fg::detail::fail_dtype("cuDNN", "a floating dtype", type);
  }
}

Descriptor device_properties(const std::string& json) {
  Descriptor properties(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  properties.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::span<const char>(json));
  properties.finalize();
  return properties;
}

Descriptor& OperationGraph::add_tensor(const GraphTensor& tensor) {
  const auto values = [](const DimVector& dims) { return std::span(dims.data(), dims.size()); };
  Descriptor& descriptor = add(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, tensor.id);
  descriptor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, tensor.type);
  descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, tensor.alignment);
  descriptor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, values(tensor.shape.dims));
  descriptor.set(CUDNN_ATTR_TENSOR_STRIDES, values(tensor.shape.strides));
  descriptor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, tensor.kind == TensorKind::Between);
  descriptor.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, tensor.kind == TensorKind::Number);
  descriptor.finalize();
  return descriptor;
}

Descriptor& OperationGraph::add_pointwise(const PointwiseOperation& operation) {
  Descriptor& pointwise = add(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  pointwise.set(CUDNN_ATTR_POINTWISE_MODE, operation.mode);
  pointwise.set(CUDNN_ATTR_POINTWISE_MATH_PREC, operation.precision);
  if (operation.axis >= 0) pointwise.set(CUDNN_ATTR_POINTWISE_AXIS, operation.axis);
  pointwise.finalize();
  Descriptor& descriptor = add(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise);
  descriptor.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *operation.x);
  if (operation.b) descriptor.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *operation.b);
  if (operation.t) descriptor.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, *operation.t);
  descriptor.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *operation.y);
  descriptor.finalize();
  return descriptor;
}

void OperationGraph::finish(const Target& target,
                            std::span<const cudnnBackendDescriptor_t> operations) {
  if (target.handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle);
  graph.set_list(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  graph.finalize();
}

std::vector<Descriptor> engine_configs(const OperationGraph& graph, const Target& target,
                                       cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (target.properties) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.properties);
  // Modes without an answer for a graph refuse it here instead of giving an empty list.
  if (!heuristics.try_finalize()) return {};
  return heuristics.get_list(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
}

std::vector<cudnnBackendNumericalNote_t> numerical_notes(const Descriptor& engine_config) {
  const std::vector<Descriptor> engine =
      engine_config.get_list(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  return engine.at(0).get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                       CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
}

std::shared_ptr<const Plan> Plan::build(std::shared_ptr<const OperationGraph> graph,
                                        Descriptor engine_config, const Target& target) {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, engine_config);
  if (target.handle) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
  if (target.properties) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.properties);
  if (!plan.try_finalize()) return nullptr;
  return std::shared_ptr<const Plan>(
      new Plan(std::move(graph), std::move(engine_config), std::move(plan)));
}

Plan::Plan(std::shared_ptr<const OperationGraph> graph, Descriptor engine_config, Descriptor plan)
    : graph_(std::move(graph)),
      engine_config_(std::move(engine_config)),
      plan_(std::move(plan)),
      workspace_bytes_(plan_.get_int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)) {}

void Plan::run(cudnnHandle_t handle, std::span<const int64_t> ids, std::span<void* const> pointers,
               void* workspace) const {
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, pointers);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, std::span<void* const>(&workspace, 1));
  pack.finalize();
  check(cudnnBackendExecute(handle, plan_.native(), pack.native()), "cudnnBackendExecute");
}

}  // namespace fg::cuda::cudnn
